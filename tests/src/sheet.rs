//! One document on the local Sheets server, edited through its control endpoint.

use anyhow::{Result, bail};
use serde_json::{Value, json};

/// The title of the tab that tests use.
pub const TAB: &str = "物件";

/// A spreadsheet of one tab, with headers in row 1.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Its id.
    pub id: String,
    url: String,
    http: reqwest::Client,
}

impl Sheet {
    /// Creates a spreadsheet with these headers and rows.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn create(sheets_url: &str, id: &str, headers: &[&str], rows: &[Vec<Value>]) -> Result<Self> {
        let sheet = Self { id: id.to_owned(), url: format!("{sheets_url}/_control"), http: reqwest::Client::new() };
        let mut all = vec![headers.iter().map(|header| json!(header)).collect::<Vec<_>>()];
        all.extend(rows.iter().cloned());
        sheet.load(json!({"tabs": [{"title": TAB, "rows": all}]})).await?;
        Ok(sheet)
    }

    /// Puts another content in its place (the README of the Sheets server says how it is described).
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn load(&self, document: Value) -> Result<()> {
        self.send(self.http.put(format!("{}/documents/{}", self.url, self.id)).json(&document)).await.map(drop)
    }

    /// Edits it (`set`, `deleteRows`, `insertRows`, `appendRows`, …), now or after so many reads of values.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn edit(&self, edits: Value, after_reads: u32) -> Result<()> {
        let body = json!({"edits": edits, "afterReads": after_reads});
        self.send(self.http.post(format!("{}/documents/{}/edits", self.url, self.id)).json(&body)).await.map(drop)
    }

    /// Writes one cell of the tab, such as `B7`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn set(&self, cell: &str, value: impl Into<Value>) -> Result<()> {
        self.edit(json!([{"set": {"range": format!("'{TAB}'!{cell}"), "values": [[value.into()]]}}]), 0).await
    }

    /// Removes a row of the tab.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn delete_rows(&self, row: u32, count: u32) -> Result<()> {
        self.edit(json!([{"deleteRows": {"tab": TAB, "row": row, "count": count}}]), 0).await
    }

    /// Adds rows at the end of the tab.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn append(&self, rows: Vec<Vec<Value>>) -> Result<()> {
        self.edit(json!([{"appendRows": {"tab": TAB, "values": rows}}]), 0).await
    }

    /// Blanks a range of the tab.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn clear(&self, range: &str) -> Result<()> {
        self.edit(json!([{"clear": format!("'{TAB}'!{range}")}]), 0).await
    }

    /// Takes the service account's access away.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn unshare(&self) -> Result<()> {
        self.set_role(json!(null)).await
    }

    /// Gives it access again.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn share(&self) -> Result<()> {
        self.set_role(json!("reader")).await
    }

    async fn set_role(&self, role: Value) -> Result<()> {
        let body = json!({"role": role});
        self.send(self.http.post(format!("{}/documents/{}/share", self.url, self.id)).json(&body)).await.map(drop)
    }

    /// How many reads of values were answered so far.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn reads(&self) -> Result<u64> {
        let query = [("document", &self.id)];
        let counters = self.send(self.http.get(format!("{}/counters", self.url)).query(&query)).await?;
        Ok(counters["values.batchGet"]["ok"].as_u64().unwrap_or_default())
    }

    /// Orders faults (see the README of the Sheets server).
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn fault(&self, mut fault: Value) -> Result<()> {
        fault["document"] = json!(self.id);
        self.send(self.http.post(format!("{}/faults", self.url)).json(&fault)).await.map(drop)
    }

    /// Ends the faults of this document.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn no_faults(&self) -> Result<()> {
        self.send(self.http.delete(format!("{}/faults", self.url)).query(&[("document", &self.id)])).await.map(drop)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        if !status.is_success() {
            bail!("the Sheets server answers {status}: {body}");
        }
        Ok(serde_json::from_str(&body).unwrap_or_default())
    }
}
