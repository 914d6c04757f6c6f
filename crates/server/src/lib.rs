//! Elasticsearch's REST surface over HTTP/1.1, and the configuration of the process that serves it.
//!
//! `http` moves bytes and enforces bounds, `rest` knows Elasticsearch's JSON, `config` knows how the
//! operator said what to do. The binary `occam` puts the three together.

pub mod config;
pub mod http;
pub mod rest;
