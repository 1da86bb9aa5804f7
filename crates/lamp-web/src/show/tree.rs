//! The lineage tree as cards.

use std::collections::BTreeMap;

use askama::Template;
use lamp_app::why::{Node, NodeKind};

use super::text::{Piece, pieces};

/// One card, and those below it.
#[derive(Debug, Template)]
#[template(path = "lineage_node.html")]
pub(crate) struct Card {
    /// `n7`: the card's address on the page.
    pub(crate) anchor: String,
    /// The kind in lower case: the card's mark and label.
    pub(crate) kind: &'static str,
    pub(crate) relation: String,
    pub(crate) title: Vec<Piece>,
    /// The reference under which the card's own lineage is found.
    pub(crate) reference: Option<String>,
    /// The page of the thing itself.
    pub(crate) page: Option<String>,
    pub(crate) facts: Vec<Fact>,
    /// Where the same thing was shown before with all that is below it.
    pub(crate) shown_at: Option<String>,
    pub(crate) cards: Vec<Card>,
    /// Files are leaves: rows of one table.
    pub(crate) files: Vec<File>,
}

/// One line of a card.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: Vec<Piece>,
}

/// One row of the table of files.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) facts: Vec<Fact>,
}

/// The name of the fact by which the tree says that it was told before; here a link says so.
const TOLD_BEFORE: &str = "story";

/// The things shown so far, by kind and title.
#[derive(Default)]
struct Shown {
    anchors: BTreeMap<(&'static str, String), String>,
    cards: usize,
}

impl Card {
    pub(crate) fn root(node: &Node) -> Self {
        card(node, &mut Shown::default())
    }
}

/// The page of the thing itself, where it has one.
fn page_of(node: &Node) -> Option<String> {
    let title = &node.title;
    match node.kind {
        NodeKind::Service => Some(format!("/services/{title}")),
        NodeKind::Model => Some(format!("/models/{title}")),
        NodeKind::Run => Some(format!("/runs/{title}")),
        NodeKind::Dataset => title.split_once('@').map(|(name, version)| format!("/datasets/{name}?version={version}")),
        NodeKind::Prediction | NodeKind::Approval | NodeKind::Commit | NodeKind::File => None,
    }
}

fn card(node: &Node, shown: &mut Shown) -> Card {
    shown.cards += 1;
    let kind = kind_of(node.kind);
    let anchor = format!("n{}", shown.cards);
    let key = (kind, node.title.clone());
    let shown_at = shown.anchors.get(&key).cloned().filter(|_| has_lineage(node.kind));
    shown.anchors.entry(key).or_insert_with(|| anchor.clone());
    let mut card = Card {
        anchor,
        kind,
        relation: node.relation.clone(),
        title: pieces(&node.title),
        reference: has_lineage(node.kind).then(|| node.title.clone()),
        page: page_of(node),
        facts: facts(node),
        cards: Vec::new(),
        files: Vec::new(),
        shown_at,
    };
    if card.shown_at.is_some() {
        card.facts.retain(|fact| fact.name != TOLD_BEFORE);
        return card;
    }
    for below in &node.from {
        let is_leaf = matches!(below.kind, NodeKind::File) && below.from.is_empty();
        if is_leaf {
            card.files.push(File { path: below.title.clone(), facts: facts(below) });
        } else {
            card.cards.push(self::card(below, shown));
        }
    }
    card
}

fn facts(node: &Node) -> Vec<Fact> {
    node.facts.iter().map(|(name, value)| Fact { name: name.clone(), value: pieces(value) }).collect()
}

fn kind_of(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Prediction => "prediction",
        NodeKind::Service => "service",
        NodeKind::Model => "model",
        NodeKind::Approval => "approval",
        NodeKind::Run => "run",
        NodeKind::Commit => "commit",
        NodeKind::Dataset => "dataset",
        NodeKind::File => "file",
    }
}

fn has_lineage(kind: NodeKind) -> bool {
    match kind {
        NodeKind::Prediction | NodeKind::Service | NodeKind::Model | NodeKind::Run | NodeKind::Dataset => true,
        NodeKind::Approval | NodeKind::Commit | NodeKind::File => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: NodeKind, title: &str, from: Vec<Node>) -> Node {
        Node { kind, title: title.to_owned(), relation: String::new(), facts: Vec::new(), from }
    }

    #[test]
    fn what_was_shown_once_is_pointed_at() {
        let trips = || node(NodeKind::Dataset, "trips@1", vec![node(NodeKind::Run, "r2", Vec::new())]);
        let run = node(NodeKind::Run, "r1", vec![trips(), trips()]);
        let root = Card::root(&node(NodeKind::Model, "delay@1", vec![run]));
        let [first, second] = &root.cards[0].cards[..] else { panic!("two inputs") };
        assert_eq!(first.shown_at, None);
        assert_eq!(first.cards.len(), 1);
        assert_eq!(second.shown_at.as_deref(), Some(first.anchor.as_str()));
        assert!(second.cards.is_empty());
    }

    #[test]
    fn files_are_rows_and_not_cards() {
        let files =
            || vec![node(NodeKind::File, "a.parquet", Vec::new()), node(NodeKind::File, "b.parquet", Vec::new())];
        let root = Card::root(&node(NodeKind::Dataset, "flights@1", files()));
        assert_eq!(root.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a.parquet", "b.parquet"]);
        assert!(root.cards.is_empty());
    }
}
