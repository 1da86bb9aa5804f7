//! The real `lamp` binary, with real git, real Python and a real browser, as a user would meet it.

mod it {
    mod affected;
    mod audit;
    mod browser;
    mod cadence;
    mod care;
    mod check;
    mod config;
    mod contracts;
    mod data;
    mod demo;
    mod disks;
    mod doctor;
    mod duties;
    mod help;
    mod hooks;
    mod incidents;
    mod init;
    mod labels;
    mod ledger_down;
    mod ml_tests;
    mod notify;
    mod postgres;
    pub mod process;
    mod registry;
    mod remotes;
    mod report;
    mod runs;
    pub mod serve;
    pub mod shop;
    mod sla;
    mod study;
    mod tasks;
    mod team;
    mod train;
    pub mod up;
    mod upstream;
}
