//! The direction of imports. The folders of `shared/src` use only those before them in [`FOLDERS`], and no file imports, through others,
//! itself: in the Rust crates that are deployed or run the local stack, and in the dashboard. Needs no stack.
//!
//! Every path is followed to the file that defines what it names, through all re-exports, so a `mod.rs` that only says what
//! is in a folder does not count. Code of tests is not looked at, and neither are calls of methods: the type that has
//! them is named where it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// The folders of `shared/src`, lowest first: each uses those before it.
const FOLDERS: [&str; 8] = ["platform", "mapping", "definition", "diff", "protocol", "clients", "delivery", "runs"];

/// The crates, by the folder of their sources.
const CRATES: [&str; 11] = [
    "shared/src",
    "functions/scheduler/src",
    "functions/worker/src",
    "functions/status/src",
    "cli/src",
    "infra/local/src",
    "infra/local/demo/src",
    "infra/local/sheets-server/src",
    "tests/src",
    "tests/hostile/src",
    "tests/models/src",
];

/// The dashboard's sources.
const DASHBOARD: &str = "functions/status/dashboard/src";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Who uses whom: for each file the files that it uses, and by which name.
type Arrows = BTreeMap<String, BTreeMap<String, String>>;

/// A module that has a file.
#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// Names of items that it defines.
    items: BTreeSet<String>,
    /// What it imports: the local name and the path.
    imports: Vec<Import>,
    /// Paths in its code.
    paths: Vec<Vec<String>>,
}

struct Import {
    name: String,
    path: Vec<String>,
    is_public: bool,
}

/// The modules of a crate, the root first.
#[derive(Default)]
struct Modules(Vec<Module>);

impl Modules {
    /// Those of the crate with this root.
    fn read(base: &Path, file: &Path) -> Self {
        let mut modules = Self::default();
        modules.add(base, file, None);
        modules
    }

    fn add(&mut self, base: &Path, file: &Path, parent: Option<usize>) -> usize {
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let index = self.0.len();
        let name = file.strip_prefix(base).unwrap_or(file).display().to_string();
        let mut found = Found::default();
        found.visit_file(&parsed);
        let Found { items, imports, paths, children } = found;
        self.0.push(Module { file: name, parent, children: BTreeMap::new(), items, imports, paths });
        let folder = match file.file_name().and_then(|name| name.to_str()) {
            Some("lib.rs" | "main.rs" | "mod.rs") => file.parent().expect("a folder").to_owned(),
            _ => file.with_extension(""),
        };
        for child in children {
            let beside = folder.join(format!("{child}.rs"));
            let within = folder.join(&child).join("mod.rs");
            let added = self.add(base, if beside.exists() { &beside } else { &within }, Some(index));
            self.0[index].children.insert(child, added);
        }
        index
    }

    /// The module that defines what `path`, written in module `at`, names; `None` if it names nothing of this crate.
    fn definer(&self, at: usize, path: &[String], depth: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(0, rest, depth),
            "self" => self.descend(at, rest, depth),
            "super" => self.descend(self.0[at].parent?, rest, depth),
            name => {
                let module = &self.0[at];
                if let Some(child) = module.children.get(name) {
                    return self.descend(*child, rest, depth);
                }
                let import = module.imports.iter().find(|import| import.name == name && import.path != path)?;
                let full: Vec<String> = import.path.iter().chain(rest).cloned().collect();
                (depth > 0).then(|| self.definer(at, &full, depth - 1)).flatten()
            }
        }
    }

    fn descend(&self, module: usize, path: &[String], depth: usize) -> Option<usize> {
        let Some((first, rest)) = path.split_first() else { return Some(module) };
        let here = &self.0[module];
        if first == "super" {
            return self.descend(here.parent?, rest, depth);
        }
        if let Some(child) = here.children.get(first) {
            return self.descend(*child, rest, depth);
        }
        if here.items.contains(first) || depth == 0 {
            return Some(module);
        }
        for import in here.imports.iter().filter(|import| import.name == *first || import.name == "*") {
            let mut full = import.path.clone();
            if import.name == "*" {
                full.push(first.clone());
            }
            full.extend(rest.iter().cloned());
            if let Some(found) = self.definer(module, &full, depth - 1)
                && (import.name != "*" || self.0[found].items.contains(full.last().expect("a name")))
            {
                return Some(found);
            }
        }
        Some(module)
    }

    /// Whether `path` names a module, not something in one: alone it uses nothing.
    fn is_module(&self, at: usize, path: &[String]) -> bool {
        let Some(found) = self.definer(at, path, 8) else { return false };
        path.last().is_some_and(|last| {
            let parent = self.0[found].parent;
            last == "self"
                || last == "super"
                || last == "crate"
                || parent.is_some_and(|parent| self.0[parent].children.get(last) == Some(&found))
                    && !self.0[found].items.contains(last)
        })
    }

    fn arrows(&self, arrows: &mut Arrows) {
        for (index, module) in self.0.iter().enumerate() {
            let used = |name: &str| module.paths.iter().any(|path| path[0] == name);
            let imported = module.imports.iter().filter(|import| !import.is_public || used(&import.name));
            let imported = imported.map(|import| &import.path).filter(|path| !self.is_module(index, path));
            let named = module.paths.iter().filter(|path| path.len() > 1);
            let uses = arrows.entry(module.file.clone()).or_default();
            for path in imported.chain(named) {
                if let Some(found) = self.definer(index, path, 8)
                    && found != index
                {
                    uses.entry(self.0[found].file.clone()).or_insert_with(|| path.join("::"));
                }
            }
        }
    }
}

/// What a file says, without its tests.
#[derive(Default)]
struct Found {
    items: BTreeSet<String>,
    imports: Vec<Import>,
    paths: Vec<Vec<String>>,
    children: Vec<String>,
}

impl Found {
    fn flatten(&mut self, tree: &syn::UseTree, before: &[String], is_public: bool) {
        let mut path = before.to_vec();
        let mut add = |path: Vec<String>, name: String| self.imports.push(Import { name, path, is_public });
        match tree {
            syn::UseTree::Path(next) => {
                path.push(next.ident.to_string());
                self.flatten(&next.tree, &path, is_public);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.flatten(tree, before, is_public));
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                let last = path.last().cloned().unwrap_or_default();
                add(path, last);
            }
            syn::UseTree::Name(name) => {
                path.push(name.ident.to_string());
                add(path, name.ident.to_string());
            }
            syn::UseTree::Rename(name) => {
                path.push(name.ident.to_string());
                add(path, name.rename.to_string());
            }
            syn::UseTree::Glob(_) => add(path, "*".to_owned()),
        }
    }

    /// Paths in what a macro is given, whose grammar only the macro knows.
    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        use proc_macro2::TokenTree;
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    self.tokens(group.stream());
                }
                _ => self.end(&mut path),
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.paths.push(std::mem::take(path));
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn name_of(item: &syn::Item) -> Option<String> {
    Some(match item {
        syn::Item::Const(item) => item.ident.to_string(),
        syn::Item::Enum(item) => item.ident.to_string(),
        syn::Item::Fn(item) => item.sig.ident.to_string(),
        syn::Item::Macro(item) => item.ident.as_ref()?.to_string(),
        syn::Item::Static(item) => item.ident.to_string(),
        syn::Item::Struct(item) => item.ident.to_string(),
        syn::Item::Trait(item) => item.ident.to_string(),
        syn::Item::Type(item) => item.ident.to_string(),
        syn::Item::Union(item) => item.ident.to_string(),
        // A module within the file: what is in it is in the file.
        syn::Item::Mod(item) if item.content.is_some() => item.ident.to_string(),
        _ => return None,
    })
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if is_for_tests(attributes_of(item)) {
            return;
        }
        self.items.extend(name_of(item));
        if let syn::Item::Mod(module) = item
            && module.content.is_none()
        {
            self.children.push(module.ident.to_string());
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.flatten(&item.tree, &[], !matches!(item.vis, syn::Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone());
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("derive")
            && let Ok(list) = attribute.meta.require_list()
        {
            self.tokens(list.tokens.clone());
        }
    }
}

/// The arrows of the crates below `base` whose sources are in these folders.
fn rust(base: &Path, crates: &[&str]) -> Arrows {
    let mut arrows = Arrows::new();
    for sources in crates {
        let roots = ["lib.rs", "main.rs"].map(|file| base.join(sources).join(file));
        assert!(roots.iter().any(|root| root.exists()), "{sources} has no root");
        for root in roots.iter().filter(|root| root.exists()) {
            Modules::read(base, root).arrows(&mut arrows);
        }
    }
    arrows
}

/// The arrows of the TypeScript files below `folder`.
fn typescript(folder: &Path) -> Arrows {
    let import = regex_lite::Regex::new(r#"(?:from|import)\s*\(?\s*"(\.[^"]+)""#).expect("a pattern");
    let mut arrows = Arrows::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(path.read_dir().expect("a folder").flatten().map(|entry| entry.path()));
        } else if path.extension().is_some_and(|extension| extension == "ts" || extension == "tsx") {
            let text = std::fs::read_to_string(&path).expect("a source");
            let uses = arrows.entry(path.display().to_string()).or_default();
            for found in import.captures_iter(&text) {
                let name = &found[1];
                let used = source(&path, name).unwrap_or_else(|| panic!("{}: there is no {name}", path.display()));
                uses.insert(used, name.to_owned());
            }
        }
    }
    arrows
}

/// The file that `name` means in `importer`, unless it is no source (a style, a picture).
fn source(importer: &Path, name: &str) -> Option<String> {
    let mut path = importer.parent()?.to_owned();
    for part in name.split('/') {
        match part {
            "." => {}
            ".." => path = path.parent()?.to_owned(),
            part => path.push(part),
        }
    }
    let text = path.display();
    let candidates = [format!("{text}.ts"), format!("{text}.tsx"), format!("{text}/index.ts"), text.to_string()];
    candidates.into_iter().find(|candidate| Path::new(candidate).is_file())
}

/// The files that one uses, directly or through others.
fn reached<'a>(arrows: &'a Arrows, from: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(file) = waiting.pop() {
        let uses = arrows.get(file).into_iter().flat_map(BTreeMap::keys);
        waiting.extend(uses.map(String::as_str).filter(|used| seen.insert(*used)));
    }
    seen
}

/// The groups of files each of which reaches all others of its group, and itself.
fn circles(arrows: &Arrows) -> Vec<BTreeSet<&str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|file| (file.as_str(), reached(arrows, file))).collect();
    let group = |file: &str| {
        let back = |other: &&str| reach.get(other).is_some_and(|reached| reached.contains(file));
        reach[file].iter().copied().filter(back).collect::<BTreeSet<&str>>()
    };
    let mut groups: Vec<BTreeSet<&str>> =
        reach.keys().map(|file| group(file)).filter(|group| !group.is_empty()).collect();
    groups.sort();
    groups.dedup();
    groups
}

/// Each circle, and what its files use of each other.
fn described(arrows: &Arrows) -> String {
    let mut text = String::new();
    for circle in circles(arrows) {
        let _ = writeln!(text, "{} files import, through each other, themselves:", circle.len());
        for file in &circle {
            let within = arrows[*file].iter().filter(|(used, _)| circle.contains(used.as_str()));
            let uses: Vec<String> = within.map(|(used, path)| format!("{used} ({path})")).collect();
            let _ = writeln!(text, "  {file} uses {}", uses.join(", "));
        }
    }
    text
}

/// What uses a folder that comes later; `sources` is the folder that has them.
fn back_arrows(arrows: &Arrows, sources: &str) -> Vec<String> {
    let place = |file: &str| {
        let (folder, _) = file.strip_prefix(sources)?.strip_prefix('/')?.split_once('/')?;
        let known = FOLDERS.iter().position(|known| *known == folder);
        Some(known.unwrap_or_else(|| panic!("{file}: say in FOLDERS and docs/ARCHITECTURE.md where {folder}/ stands")))
    };
    let mut found = Vec::new();
    for (file, uses) in arrows {
        for (used, path) in uses {
            if place(file).zip(place(used)).is_some_and(|(mine, theirs)| theirs > mine) {
                found.push(format!("{file} uses {used} ({path})"));
            }
        }
    }
    found
}

#[test]
fn the_folders_of_shared_use_only_those_before_them() {
    let arrows = rust(&root(), &["shared/src"]);
    let between = arrows.values().map(BTreeMap::len).sum::<usize>();
    assert!(between > 300, "only {between} arrows were found");
    let beside: Vec<&String> = arrows.keys().filter(|file| file.matches('/').count() == 2).collect();
    assert_eq!(beside, ["shared/src/lib.rs"], "every other file is in a folder");
    let back = back_arrows(&arrows, "shared/src");
    assert!(back.is_empty(), "{back:#?}");
}

#[test]
fn no_rust_file_imports_itself_through_others() {
    let arrows = rust(&root(), &CRATES);
    assert!(circles(&arrows).is_empty(), "{}", described(&arrows));
}

#[test]
fn no_file_of_the_dashboard_imports_itself_through_others() {
    let arrows = typescript(&root().join(DASHBOARD));
    assert!(arrows.values().map(BTreeMap::len).sum::<usize>() > 100, "{arrows:?}");
    assert!(circles(&arrows).is_empty(), "{}", described(&arrows));
}

/// The arrows of a crate with these files.
fn example(files: &[(&str, &str)]) -> Arrows {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join("src").join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    rust(folder.path(), &["src"])
}

#[test]
fn use_through_a_re_export_counts_for_the_defining_file() {
    let arrows = example(&[
        ("lib.rs", "mod runs; mod diff; pub use diff::Plan;"),
        ("runs/mod.rs", "mod survey; pub use survey::Survey;"),
        ("runs/survey.rs", "use crate::Plan; pub struct Survey(Plan);"),
        ("diff/mod.rs", "mod plan; pub use self::plan::*;"),
        ("diff/plan.rs", "use crate::runs; pub struct Plan(Option<Box<runs::Survey>>);"),
    ]);
    assert_eq!(back_arrows(&arrows, "src"), ["src/diff/plan.rs uses src/runs/survey.rs (runs::Survey)"]);
    assert_eq!(circles(&arrows), [BTreeSet::from(["src/diff/plan.rs", "src/runs/survey.rs"])]);
}

#[test]
fn parent_and_child_that_use_each_other_are_a_circle() {
    let circle = |parent: &str| {
        let child = "use super::Limit; pub fn check(limit: &Limit) -> bool { limit.0 > 0 }";
        let files = [("lib.rs", "mod parent;"), ("parent.rs", parent), ("parent/child.rs", child)];
        circles(&example(&files)).len()
    };
    let limit = "pub struct Limit(u32);";
    assert_eq!(circle(&format!("mod child; pub use child::check; {limit}")), 0, "it only shows what the child has");
    assert_eq!(
        circle(&format!("mod child; {limit} pub fn is_good(limit: &Limit) -> bool {{ child::check(limit) }}")),
        1
    );
    assert_eq!(circle(&format!("mod child; use child::check; {limit}")), 1);
    assert_eq!(
        circle(&format!("mod child; {limit} pub fn show() {{ assert!(child::check(&Limit(1))); }}")),
        1,
        "in a macro"
    );
    assert_eq!(circle(&format!("mod child; {limit} #[cfg(test)] mod tests {{ use super::child::check; }}")), 0);
}
