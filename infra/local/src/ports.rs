//! Free ports of 127.0.0.1.

use std::net::TcpListener;

use anyhow::{Context, Result};

/// A free port. Another process could take it before the intended server does; the kernel
/// hands out others first, so this does not happen in practice, and the server's start would fail and say so.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}
