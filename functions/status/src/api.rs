//! The routes, and what their handlers share. Each resource has a file of its own.

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::get;
use sheetsync::secrets;
use sheetsync::settings::{self, MissingSetting};
use sheetsync::supabase::Supabase;
use tokio::sync::OnceCell;

use crate::access::{self, Tokens};
use crate::error::ApiError;
use crate::{runs, syncs};

/// The function's settings and connections, kept between requests.
pub struct Api {
    supabase_url: String,
    supabase_secret: String,
    tokens_secret: String,
    secrets: aws_sdk_secretsmanager::Client,
    supabase: OnceCell<Supabase>,
    tokens: OnceCell<Tokens>,
}

impl Api {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing.
    pub async fn from_env() -> Result<Self, MissingSetting> {
        let supabase_url = settings::required("SUPABASE_URL")?;
        let supabase_secret = settings::required("SUPABASE_SECRET_ID")?;
        let tokens_secret = settings::required("TOKENS_SECRET_ID")?;
        let aws = aws_config::load_from_env().await;
        Ok(Self {
            supabase_url,
            supabase_secret,
            tokens_secret,
            secrets: aws_sdk_secretsmanager::Client::new(&aws),
            supabase: OnceCell::new(),
            tokens: OnceCell::new(),
        })
    }

    /// The connection to Supabase.
    pub async fn supabase(&self) -> Result<&Supabase, ApiError> {
        self.supabase
            .get_or_try_init(async || {
                let key = secrets::supabase_key(&self.secrets, &self.supabase_secret).await?;
                // A reader waits in front of a screen: what does not come soon is told as missing.
                Ok(Supabase::new(&self.supabase_url, key)?.hasty())
            })
            .await
    }

    /// The service tokens.
    pub async fn tokens(&self) -> Result<&Tokens, ApiError> {
        self.tokens
            .get_or_try_init(async || Tokens::from_json(&secrets::fetch(&self.secrets, &self.tokens_secret).await?))
            .await
    }
}

/// All routes. Everything but `/health` wants a token.
pub fn router(api: Api) -> Router {
    let api = Arc::new(api);
    Router::new()
        .route("/api/syncs", get(syncs::list))
        .route("/api/syncs/{sync}", get(syncs::one))
        .route("/api/runs/{id}", get(runs::one))
        .route_layer(middleware::from_fn_with_state(api.clone(), access::require_reader))
        .route("/health", get(|| async { axum::Json(serde_json::json!({"status": "ok"})) }))
        .fallback(|| async { ApiError::NoSuchRoute })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .with_state(api)
}
