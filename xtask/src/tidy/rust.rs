//! Rules on Rust code, on its syntax tree and its tokens.

use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::{File, Finding};

/// Longest function, in lines from `fn` to its last brace.
const FUNCTION_LINES_MAX: usize = 70;
/// The same in tests, where a function may be a table of cases.
const TEST_LINES_MAX: usize = 120;

/// Calls that are not for finished code, wherever they stand.
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];
/// Standard output belongs to whoever talks to a person.
const PRINTING: &[&str] = &["println", "print"];
/// The crates that talk to a person.
const PRINTERS: &[&str] = &["crates/lamp-cli/", "crates/lamp-testkit/", "xtask/"];

/// Ways out of `lamp-core`, which does no I/O and reads no clock.
const IMPURE: &[&[&str]] = &[
    &["std", "::", "fs"],
    &["std", "::", "env"],
    &["std", "::", "net"],
    &["std", "::", "process"],
    &["std", "::", "thread"],
    &["Timestamp", "::", "now"],
    &["Zoned", "::", "now"],
    &["SystemTime", "::", "now"],
    &["Instant", "::", "now"],
    &["async"],
];

/// Checks one file.
pub fn check(file: &File) -> Vec<Finding> {
    let tree = match syn::parse_file(&file.text) {
        Ok(tree) => tree,
        Err(error) => return vec![Finding::new(&file.path, error.span().start().line, format!("not Rust: {error}"))],
    };
    let mut outline = Outline::default();
    outline.visit_file(&tree);
    let is_test = |line: usize| is_test_file(&file.path) || outline.tests.iter().any(|range| range.contains(&line));
    let long = outline.functions.iter().filter_map(|function| {
        let lines_max = if is_test(function.line) { TEST_LINES_MAX } else { FUNCTION_LINES_MAX };
        long_function(file, function, lines_max)
    });
    let mut findings: Vec<Finding> = long.collect();
    let mut tokens = Vec::new();
    // It parsed as a file, so it parses as tokens.
    flatten(file.text.parse().unwrap_or_default(), &mut tokens);
    for index in 0..tokens.len() {
        let line = tokens[index].line;
        if let Some(message) = objection(&file.path, &tokens[index..], is_test(line)) {
            findings.push(Finding::new(&file.path, line, message));
        }
    }
    findings
}

/// Integration tests, and test modules that have a file of their own.
fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn long_function(file: &File, function: &Function, lines_max: usize) -> Option<Finding> {
    let Function { name, line, lines } = function;
    let message = format!("`{name}` has {lines} lines; split it at {lines_max}");
    (*lines > lines_max).then(|| Finding::new(&file.path, *line, message))
}

/// What is wrong with the code that begins with the first of `tokens`.
fn objection(path: &str, tokens: &[Token], in_test: bool) -> Option<String> {
    let texts: Vec<&str> = tokens.iter().take(4).map(|token| token.text.as_str()).collect();
    if let [name, "!", "(" | "[" | "{", ..] = texts[..] {
        if UNFINISHED.contains(&name) {
            return Some(format!("`{name}!` is not for finished code"));
        }
        // A build script talks to cargo, by its standard output.
        let is_program = path.ends_with("/build.rs") || path.contains("/examples/");
        let may_print = in_test || is_program || PRINTERS.iter().any(|printer| path.starts_with(printer));
        if PRINTING.contains(&name) && !may_print {
            return Some(format!("`{name}!` is for lamp-cli; return the text, or use `tracing`"));
        }
    }
    if in_test {
        return None;
    }
    match texts[..] {
        [".", "unwrap", "(", ")"] => {
            Some("`unwrap` may panic; return an error, or say why it cannot fail: `expect(\"…\")`".to_owned())
        }
        [".", "expect", "(", message] if is_literal_without_reason(message) => {
            Some(format!("`expect({message})` does not say why it cannot fail"))
        }
        _ if path.starts_with("crates/lamp-core/src/") => impurity(tokens),
        _ => None,
    }
}

/// A reason has at least two words.
fn is_literal_without_reason(message: &str) -> bool {
    message.starts_with('"') && !message.trim_matches('"').trim().contains(' ')
}

fn impurity(tokens: &[Token]) -> Option<String> {
    let begins_with = |pattern: &&&[&str]| {
        tokens.len() >= pattern.len() && pattern.iter().zip(tokens).all(|(wanted, token)| *wanted == token.text)
    };
    let pattern = IMPURE.iter().find(begins_with)?;
    Some(format!(
        "`{}` is I/O or a clock, and lamp-core has neither: take what it gives as an argument",
        pattern.concat()
    ))
}

/// Functions and test items of a file.
#[derive(Debug, Default)]
struct Outline {
    functions: Vec<Function>,
    tests: Vec<RangeInclusive<usize>>,
}

#[derive(Debug)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

impl Outline {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let line = signature.fn_token.span.start().line;
        let last = block.brace_token.span.close().end().line;
        self.functions.push(Function { name: signature.ident.to_string(), line, lines: last + 1 - line });
    }

    fn note_test(&mut self, attributes: &[syn::Attribute], span: proc_macro2::Span) {
        if attributes.iter().any(is_test_attribute) {
            self.tests.push(span.start().line..=span.end().line);
        }
    }
}

impl<'ast> Visit<'ast> for Outline {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.note_test(&item.attrs, item.span());
        visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note_test(&item.attrs, item.span());
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note_test(&item.attrs, item.span());
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.note_test(&item.attrs, item.span());
        visit::visit_item_impl(self, item);
    }
}

/// `#[test]`, `#[tokio::test]` and the like, and `#[cfg(test)]`.
fn is_test_attribute(attribute: &syn::Attribute) -> bool {
    let is_test = attribute.path().segments.last().is_some_and(|segment| segment.ident == "test");
    let is_cfg_test = attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"));
    is_test || is_cfg_test
}

#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

/// All tokens in a row, brackets included, also those inside macro calls. `::` is one token.
fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                into.push(Token { text: open.to_owned(), line });
                flatten(group.stream(), into);
                into.push(Token { text: close.to_owned(), line: group.span_close().end().line });
            }
            TokenTree::Punct(punct) => match into.last_mut() {
                Some(last) if punct.as_char() == ':' && last.text == ":" => last.text.push(':'),
                _ => into.push(Token { text: punct.as_char().to_string(), line }),
            },
            other => into.push(Token { text: other.to_string(), line }),
        }
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::said;

    const APP: &str = "crates/lamp-app/src/x.rs";
    const CORE: &str = "crates/lamp-core/src/x.rs";

    #[test]
    fn functions_are_short() {
        let function =
            |lines: usize| format!("struct A;\nimpl A {{\nfn long() {{\n{}}}\n}}\n", "f();\n".repeat(lines - 2));
        assert_eq!(said(check, APP, &function(70)), "");
        let found = said(check, APP, &function(71));
        assert_eq!(found, format!("{APP}:3: `long` has 71 lines; split it at 70"));
        let in_tests = |lines: usize| said(check, "crates/lamp-app/src/x/tests.rs", &function(lines));
        assert_eq!(in_tests(120), "");
        assert!(in_tests(121).ends_with("split it at 120"));
    }

    #[test]
    fn panics_need_a_reason_outside_tests() {
        for good in [
            "fn f() { x.expect(\"the list is never empty\"); }",
            "fn f() { x.unwrap_or_default(); }",
            "fn f() { parser.expect(Comma); }",
            "#[cfg(test)] mod tests { fn f() { x.unwrap(); } }",
            "#[tokio::test] async fn f() { x.expect(\"ok\"); }",
            "/// `x.unwrap()`\nfn f() {}",
        ] {
            assert_eq!(said(check, APP, good), "", "{good}");
        }
        assert_eq!(said(check, "crates/lamp-app/tests/it.rs", "fn f() { x.unwrap(); }"), "");
        for bad in ["fn f() {\n x.unwrap(); }", "fn f() {\n log!(x.unwrap()); }"] {
            assert!(said(check, APP, bad).starts_with(&format!("{APP}:2: `unwrap` may panic")), "{bad}");
        }
        let found = said(check, APP, "fn f() { x.expect(\"ok\"); }");
        assert_eq!(found, format!("{APP}:1: `expect(\"ok\")` does not say why it cannot fail"));
    }

    #[test]
    fn unfinished_code_is_found_in_tests_too() {
        for name in UNFINISHED {
            let found = said(check, "crates/lamp-app/tests/it.rs", &format!("fn f() {{ {name}!() }}"));
            assert_eq!(found, format!("crates/lamp-app/tests/it.rs:1: `{name}!` is not for finished code"));
        }
        assert_eq!(said(check, APP, "fn todo() { dbg(1) != todo(); }"), "");
    }

    #[test]
    fn only_the_command_line_prints() {
        let text = "fn f() { println!(\"x\"); }";
        assert_eq!(said(check, "crates/lamp-cli/src/x.rs", text), "");
        assert_eq!(said(check, "crates/lamp-gateway/build.rs", text), "", "that is how one talks to cargo");
        assert_eq!(said(check, "crates/lamp-engine/examples/decode.rs", text), "", "an example is a program");
        let found = said(check, APP, text);
        assert_eq!(found, format!("{APP}:1: `println!` is for lamp-cli; return the text, or use `tracing`"));
    }

    #[test]
    fn the_core_is_pure() {
        let text = "fn f() {\n jiff::Timestamp::now() }";
        assert_eq!(said(check, APP, text), "");
        assert!(said(check, CORE, text).starts_with(&format!("{CORE}:2: `Timestamp::now` is I/O or a clock")));
        assert!(said(check, CORE, "use std::fs::File;").starts_with(&format!("{CORE}:1: `std::fs` is I/O")));
        assert_eq!(said(check, CORE, "use std::fmt;\nfn f(now: Timestamp) { Scalar::Instant }"), "");
    }

    #[test]
    fn what_is_not_rust_is_said_so() {
        let found = said(check, APP, "fn f() {}\nfn {");
        assert!(found.starts_with(&format!("{APP}:2: not Rust: ")), "{found}");
    }
}
