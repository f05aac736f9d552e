//! Clients and origins that others wrote, beside which the gateway has to hold its own.

mod browser;
mod grpc;
mod grpc_web;
mod scripts;
mod testssl;
mod websocket;
