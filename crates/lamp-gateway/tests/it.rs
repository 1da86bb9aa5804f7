//! A gateway on a real port, with models that behave as told and with real workers.

mod it {
    mod admin;
    mod answers;
    mod binary;
    mod breaker;
    mod clients;
    mod faults;
    mod grpc;
    pub mod kit;
    mod limits;
    mod load;
    mod log;
    mod plans;
    mod protocol;
}
