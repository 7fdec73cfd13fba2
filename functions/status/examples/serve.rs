//! Serves the API and the dashboard on this machine, against a local stack that runs:
//! `. .local/env && SHEETSYNC_DEFINITION=sheetsync.toml cargo run -p status --example serve -- 127.0.0.1:8080`

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let router = status::router(status::Api::from_env().await?);
    let listener = tokio::net::TcpListener::bind(&address).await?;
    eprintln!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}
