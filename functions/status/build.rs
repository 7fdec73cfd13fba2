//! Makes the files of the dashboard, as `make dashboard` builds them, part of the program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("dashboard/dist");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    if folder.join("index.html").is_file() {
        collect(&folder, &mut files);
    } else if env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::error=the dashboard is not built: run `make dashboard`");
        return;
    } else {
        // Checks and tests of other crates need no Node.js.
        println!("cargo::warning=the dashboard is not built: run `make dashboard`");
    }
    files.sort();
    let mut text = String::from("static ASSETS: &[Asset] = &[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let path = file.strip_prefix(&folder).expect("it was found there").to_str().expect("our names are ASCII");
        let content_type = content_type(path);
        let file = file.to_str().expect("the folder's name is UTF-8");
        writeln!(
            text,
            "    Asset {{ path: {path:?}, content_type: {content_type:?}, body: include_bytes!({file:?}) }},"
        )
        .expect("a String takes everything");
    }
    text += "];\n";
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("assets.rs");
    fs::write(&out, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    for entry in entries.flatten().map(|entry| entry.path()) {
        if entry.is_dir() {
            collect(&entry, files);
        } else {
            files.push(entry);
        }
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        other => panic!("build.rs does not know what kind of file .{other} is"),
    }
}
