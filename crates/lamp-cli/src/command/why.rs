//! `lamp why REF`.

use std::process::ExitCode;

use console::style;
use lamp_app::call::Why as Request;
use lamp_app::why::{Node, NodeKind};

use crate::args::Why;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, out};

pub async fn run(desk: &Desk, args: &Why) -> Result<ExitCode, Failure> {
    let node = desk.ask(Request { reference: desk.pinned(&args.reference)? }).await?;
    if args.json {
        ui::print_json(&node)?;
    } else {
        print(&node);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a lineage tree.
pub fn print(node: &Node) {
    print_node(node, "", "");
}

fn print_node(node: &Node, first: &str, rest: &str) {
    let relation = if node.relation.is_empty() { String::new() } else { format!("{} ", node.relation) };
    out!("{}{}{} {}", style(first).dim(), style(relation).italic(), kind(node.kind), style(&node.title).bold());
    let bar = if node.from.is_empty() { "  " } else { "│ " };
    for (name, value) in &node.facts {
        out!("{}{:<14} {value}", style(format!("{rest}{bar}")).dim(), style(name).dim());
    }
    for (at, child) in node.from.iter().enumerate() {
        let is_last = at + 1 == node.from.len();
        let (branch, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        print_node(child, &format!("{rest}{branch}"), &format!("{rest}{below}"));
    }
}

fn kind(kind: NodeKind) -> console::StyledObject<&'static str> {
    match kind {
        NodeKind::Prediction => style("prediction").magenta(),
        NodeKind::Service => style("service").magenta(),
        NodeKind::Model => style("model").cyan(),
        NodeKind::Approval => style("person").green(),
        NodeKind::Run => style("run").yellow(),
        NodeKind::Commit => style("commit").yellow(),
        NodeKind::Dataset => style("data").blue(),
        NodeKind::File => style("file").blue(),
    }
}
