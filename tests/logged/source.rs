//! Reads what the crate says from its sources: literals of a function, and the fields of `tracing` events.

use std::path::Path;
use std::{fs, iter};

use proc_macro2::{TokenStream, TokenTree};

/// The tokens of a file.
pub(crate) fn file(path: &str) -> Vec<TokenTree> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    trees(text.parse().unwrap())
}

fn trees(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

/// What is between a pair of brackets, if it is one.
fn inside(tree: &TokenTree) -> Option<Vec<TokenTree>> {
    if let TokenTree::Group(group) = tree { Some(trees(group.stream())) } else { None }
}

/// What is between the first pair of braces.
fn braces(tokens: &[TokenTree]) -> Option<Vec<TokenTree>> {
    tokens.iter().find(|tree| tree.to_string().starts_with('{')).and_then(inside)
}

/// Each list of tokens, the innermost too.
fn lists(tokens: &[TokenTree]) -> Vec<Vec<TokenTree>> {
    let below = tokens.iter().filter_map(inside).flat_map(|inner| lists(&inner));
    iter::once(tokens.to_vec()).chain(below).collect()
}

fn is(tree: &TokenTree, text: &str) -> bool {
    tree.to_string() == text
}

/// What is between the braces that follow these words.
fn after(tokens: &[TokenTree], words: &[&str]) -> Option<Vec<TokenTree>> {
    let begins = |part: &[TokenTree]| part.iter().zip(words).all(|(tree, word)| is(tree, word));
    let at = tokens.windows(words.len()).position(begins)?;
    braces(&tokens[at..])
}

/// The body of a method.
pub(crate) fn method(path: &str, of: &str, name: &str) -> Vec<TokenTree> {
    let file = file(path);
    let blocks = file.iter().enumerate().filter(|(_, tree)| is(tree, "impl")).map(|(at, _)| &file[at..]);
    let mut found = blocks.filter_map(|block| after(&after(block, &["impl", of])?, &["fn", name]));
    found.next().unwrap_or_else(|| panic!("no {of}::{name} in {path}"))
}

/// Each variant of a `match` whose arms begin with `Self::`, with all texts of its arm.
pub(crate) fn arms(body: &[TokenTree]) -> Vec<(String, Vec<String>)> {
    let inner = braces(body).expect("a match");
    let mut arms: Vec<(String, Vec<String>)> = Vec::new();
    for (at, tree) in inner.iter().enumerate() {
        if is(tree, "Self") {
            arms.push((inner[at + 3].to_string(), Vec::new()));
        } else if let Some((_, texts)) = arms.last_mut() {
            texts.extend(literals(std::slice::from_ref(tree)));
        }
    }
    arms
}

/// All texts in the tokens, in their order.
pub(crate) fn literals(tokens: &[TokenTree]) -> Vec<String> {
    let of = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => literals(&trees(group.stream())),
        TokenTree::Literal(literal) => text(&literal.to_string()).into_iter().collect(),
        TokenTree::Ident(_) | TokenTree::Punct(_) => Vec::new(),
    };
    tokens.iter().flat_map(of).collect()
}

/// The text of a literal, if it is one without escapes but for quotes and ends of lines.
fn text(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let joined: String =
        inner.split("\\\n").enumerate().map(|(n, line)| if n == 0 { line } else { line.trim_start() }).collect();
    let text = joined.replace("\\\"", "\"");
    assert!(!text.contains('\\'), "{literal} has an escape that is not read here");
    Some(text)
}

/// The value of `const NAME: &str = "…"`.
pub(crate) fn constant(path: &str, name: &str) -> String {
    let file = file(path);
    let begins = |pair: &[TokenTree]| is(&pair[0], "const") && is(&pair[1], name);
    let at = file.windows(2).position(begins).unwrap_or_else(|| panic!("no {name} in {path}"));
    let end = file[at..].iter().position(|tree| is(tree, ";")).unwrap_or(0);
    literals(&file[at..at + end]).remove(0)
}

/// The first text in each `Name(…)` with one of these names, in a file.
pub(crate) fn first_of(path: &str, names: &[String]) -> Vec<String> {
    let file = file(path);
    let of_list = |list: Vec<TokenTree>| {
        let pairs = list.windows(2).filter(|pair| names.iter().any(|name| is(&pair[0], name)));
        pairs.filter_map(|pair| literals(&pair[1..]).into_iter().next()).collect::<Vec<_>>()
    };
    lists(&file).into_iter().flat_map(of_list).collect()
}

/// The doc comment of each variant of an enum, as one line.
pub(crate) fn docs(path: &str, of: &str) -> Vec<(String, String)> {
    let body = after(&file(path), &["enum", of]).unwrap_or_else(|| panic!("no enum {of} in {path}"));
    let mut docs = Vec::new();
    let mut doc: Vec<String> = Vec::new();
    for tree in body {
        match tree {
            TokenTree::Group(attribute) => doc.extend(literals(&trees(attribute.stream()))),
            TokenTree::Ident(name) => {
                docs.push((name.to_string(), doc.drain(..).collect::<String>().trim().to_owned()));
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    docs
}

/// What one macro that says an event gives it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saying {
    pub(crate) level: String,
    pub(crate) fields: Vec<String>,
}

/// All events of `src/log.rs`: those of `tracing::event!`, and those of the macro in it whose level and fields vary.
pub(crate) fn sayings() -> Vec<Saying> {
    let file = file("src/log.rs");
    let called = |name: &str| -> Vec<Saying> {
        let of_list = |list: Vec<TokenTree>| {
            let calls = list.windows(3).filter(|call| is(&call[0], name) && is(&call[1], "!"));
            calls.filter_map(|call| inside(&call[2])).map(|arguments| saying(&arguments)).collect::<Vec<_>>()
        };
        lists(&file).into_iter().flat_map(of_list).collect()
    };
    let (mut plain, common): (Vec<_>, Vec<_>) = called("event").into_iter().partition(|saying| saying.level != "$");
    let [common] = common.as_slice() else { panic!("one macro says many events: {common:?}") };
    plain.extend(called("say").into_iter().map(|mut saying| {
        saying.fields.extend(common.fields.clone());
        saying
    }));
    plain
}

/// Reads the arguments: `tracing::Level::DEBUG` or a bare level, and fields with dots in their names.
fn saying(arguments: &[TokenTree]) -> Saying {
    let mut saying = Saying::default();
    for argument in arguments.split(|tree| is(tree, ",")) {
        let start = match argument {
            // What the caller of the macro adds stands before the next argument without a comma.
            [dollar, TokenTree::Group(_), ..] if is(dollar, "$") => &argument[3..],
            all => all,
        };
        let end = start.iter().position(|tree| is(tree, "=")).unwrap_or(0);
        let name: String = start[..end].iter().map(ToString::to_string).collect();
        let words: Vec<String> = start.iter().map(ToString::to_string).collect();
        match words.as_slice() {
            _ if !name.is_empty() => saying.fields.push(name),
            [.., dollar, _] if dollar == "$" => saying.level = "$".to_owned(),
            [.., level] if words[0] == "tracing" => saying.level.clone_from(level),
            [level] if level.chars().all(|letter| letter.is_ascii_uppercase()) => saying.level.clone_from(level),
            _ => {}
        }
    }
    saying
}
