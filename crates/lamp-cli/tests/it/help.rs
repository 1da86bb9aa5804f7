//! `lamp --help` and every command's own.

use insta::{assert_snapshot, with_settings};
use lamp_testkit::{TestContext, docs};

/// A command as typed, with the text of its `--help`.
struct Helped {
    command: Vec<String>,
    text: String,
}

impl Helped {
    /// Names of the commands that the text lists under `Commands:`.
    fn subcommands(&self) -> Vec<String> {
        let after = self.text.split_once("\nCommands:\n").map_or("", |(_, after)| after);
        let listed = after.lines().take_while(|line| !line.trim().is_empty());
        // A description that runs over several lines goes on further to the right.
        let entries = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = entries.filter_map(|line| line.split_whitespace().next());
        names.filter(|name| *name != "help").map(str::to_owned).collect()
    }

    fn is_leaf(&self) -> bool {
        !self.command.is_empty() && self.subcommands().is_empty()
    }
}

/// Every command there is: what the help lists, and what the help of that lists, to the end.
fn every_command(context: &TestContext) -> Vec<Helped> {
    let mut found = Vec::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(command) = open.pop() {
        let words = command.iter().map(String::as_str).chain(["--help"]);
        let text = context.lamp(words).succeed().stdout;
        let helped = Helped { command, text };
        for name in helped.subcommands().into_iter().rev() {
            open.push([helped.command.clone(), vec![name]].concat());
        }
        found.push(helped);
    }
    found
}

#[test]
fn every_command_explains_itself() {
    let context = TestContext::new(env!("CARGO_BIN_EXE_lamp"));
    let commands = every_command(&context);
    let names: Vec<String> = commands.iter().map(|helped| helped.command.join(" ")).collect();
    for expected in ["", "data add", "train", "approve", "switch", "up", "why", "affected", "audit verify", "demo"] {
        assert!(names.iter().any(|name| name == expected), "`lamp {expected}` is not listed: {names:?}");
    }
    with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        for helped in &commands {
            let name = ["lamp".to_owned()].into_iter().chain(helped.command.clone()).collect::<Vec<_>>().join("-");
            assert_snapshot!(name, helped.text);
        }
    });
}

#[test]
fn help_tells_each_exit_code_and_gives_examples() {
    let context = TestContext::new(env!("CARGO_BIN_EXE_lamp"));
    let top = context.lamp(["--help"]).succeed().stdout;
    assert!(top.contains("0 yes; 1 a verdict of no"), "{top}");
    let no_command = context.lamp(["dta", "add"]).run();
    assert_eq!(no_command.code, Some(2), "{}", no_command.text());
    assert!(no_command.stderr.contains("'data'"), "a slip is understood: {}", no_command.text());
}

#[test]
fn the_book_speaks_of_every_command() {
    let context = TestContext::new(env!("CARGO_BIN_EXE_lamp"));
    let commands = every_command(&context);
    let leaves: Vec<String> =
        commands.iter().filter(|helped| helped.is_leaf()).map(|helped| helped.command.join(" ")).collect();
    assert!(leaves.len() > 25, "{leaves:?}");
    let missing = docs::undocumented(&docs::pages(), leaves.iter().map(String::as_str));
    assert!(missing.is_empty(), "no page of docs/ shows: {missing:?}");
}
