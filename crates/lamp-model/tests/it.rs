//! Models of every flavour, brought to life for real.

mod it {
    pub mod kit;
    mod onnx;
    mod packages;
    mod python;
    mod upstream;
}
