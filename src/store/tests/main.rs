//! The store against real databases: every case that touches one runs on SQLite and on PostgreSQL.

mod command_line;
mod customers;
mod databases;
mod docs;
mod durability;
mod filter_tools;
mod index;
mod keys;
mod output;
mod plan;
mod server;
mod service;
mod sqlite_file;
mod tls;
mod transfer;
mod trouble;
