//! Who is behind a contract, and where to ask them.

use super::fields::{Fields, Findings};
use crate::contract::types::{Member, Support};
use crate::contract::yaml::Yaml;

const TEAM_KEYS: &[&str] =
    &["id", "name", "description", "members", "tags", "customProperties", "authoritativeDefinitions"];

const MEMBER_KEYS: &[&str] = &[
    "id",
    "username",
    "name",
    "description",
    "role",
    "dateIn",
    "dateOut",
    "replacedByUsername",
    "tags",
    "customProperties",
    "authoritativeDefinitions",
    // Of version 3.0's own examples.
    "comment",
];

const SUPPORT_KEYS: &[&str] =
    &["id", "channel", "url", "description", "tool", "scope", "invitationUrl", "customProperties"];

/// Either a list of members (3.0) or a mapping with `members` (3.1). Who has a `dateOut` has left.
pub(super) fn team(fields: &mut Fields<'_>, findings: &mut Findings) -> Vec<Member> {
    let Some(node) = fields.take("team") else { return Vec::new() };
    let members = match &node.yaml {
        Yaml::Null => Vec::new(),
        Yaml::List(members) => members.iter().collect(),
        _ => match Fields::of(node, "`team`", findings) {
            Some(mut team) => {
                team.unknown(TEAM_KEYS, findings);
                team.list("members", findings).iter().collect()
            }
            None => Vec::new(),
        },
    };
    let mut people = Vec::new();
    for member in members {
        let Some(mut fields) = Fields::of(member, "a member of the team", findings) else { continue };
        fields.unknown(MEMBER_KEYS, findings);
        let username = fields.required_text("username", findings);
        let role = fields.text("role", findings);
        let has_left = fields.take("dateOut").is_some_and(|node| node.yaml != Yaml::Null);
        if !has_left {
            people.push(Member { username, role });
        }
    }
    people
}

/// `support`.
pub(super) fn support(fields: &mut Fields<'_>, findings: &mut Findings) -> Vec<Support> {
    let mut channels = Vec::new();
    for node in fields.list("support", findings) {
        let Some(mut fields) = Fields::of(node, "an entry of `support`", findings) else { continue };
        fields.unknown(SUPPORT_KEYS, findings);
        channels.push(Support {
            channel: fields.required_text("channel", findings),
            tool: fields.text("tool", findings),
            scope: fields.text("scope", findings),
            url: fields.text("url", findings),
        });
    }
    channels
}
