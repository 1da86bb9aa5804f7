//! From the text of a contract to types, collecting everything that is wrong on the way.

mod fields;
mod own;
mod people;
mod property;
mod quality;
mod relationship;
mod service;

use super::CONTRACT_BYTES_MAX;
use super::lint::Lint;
use super::sla::{Sla, SlaProperty};
use super::types::{Contract, SchemaObject};
use super::yaml::{Node, Place, Yaml};
use fields::{Fields, Findings};

const ROOT_KEYS: &[&str] = &[
    "version",
    "kind",
    "apiVersion",
    "id",
    "name",
    "tenant",
    "tags",
    "status",
    "servers",
    "dataProduct",
    "description",
    "domain",
    "schema",
    "support",
    "price",
    "team",
    "roles",
    "slaDefaultElement",
    "slaProperties",
    "authoritativeDefinitions",
    "customProperties",
    "contractCreatedTs",
];

const OBJECT_KEYS: &[&str] = &[
    "id",
    "name",
    "physicalName",
    "physicalType",
    "logicalType",
    "businessName",
    "description",
    "dataGranularityDescription",
    "authoritativeDefinitions",
    "tags",
    "customProperties",
    "properties",
    "relationships",
    "quality",
];

const SLA_KEYS: &[&str] = &[
    "id",
    "property",
    "value",
    "valueExt",
    "unit",
    "element",
    "driver",
    "description",
    "scheduler",
    "schedule",
    "customProperties",
    "authoritativeDefinitions",
];

/// Reads a contract. It is usable when none of the findings is an error.
pub(super) fn read(text: &str) -> (Contract, Vec<Lint>) {
    if text.len() > CONTRACT_BYTES_MAX {
        let message =
            format!("a contract of {} bytes is larger than the {CONTRACT_BYTES_MAX} that are read", text.len());
        return (Contract::default(), vec![Lint::error(Place { line: 1, column: 1 }, message, None)]);
    }
    let root = match Node::parse(text) {
        Ok(root) => root,
        Err(lint) => return (Contract::default(), vec![lint]),
    };
    let mut findings = Findings::default();
    let contract = contract(&root, &mut findings);
    (contract, findings.lints)
}

fn contract(root: &Node, findings: &mut Findings) -> Contract {
    let Some(mut fields) = Fields::of(root, "a contract", findings) else { return Contract::default() };
    let api_version = fields.required_text("apiVersion", findings);
    if !read_api_version(&fields, &api_version, findings) {
        return Contract::default();
    }
    let kind = fields.required_text("kind", findings);
    if !kind.is_empty() && kind != "DataContract" {
        findings.error(fields.place("kind"), format!("`kind` is `{kind}`"), Some("kind: DataContract".to_owned()));
    }
    let contract = Contract {
        api_version,
        id: fields.required_text("id", findings),
        version: fields.required_text("version", findings),
        status: fields.required_text("status", findings),
        name: fields.text("name", findings),
        purpose: purpose(&mut fields, findings),
        objects: fields.list("schema", findings).iter().filter_map(|node| object(node, findings)).collect(),
        sla: fields.list("slaProperties", findings).iter().filter_map(|node| sla(node, findings)).collect(),
        sla_default_element: fields.text("slaDefaultElement", findings),
        team: people::team(&mut fields, findings),
        support: people::support(&mut fields, findings),
    };
    for key in ["servers", "roles", "tags", "authoritativeDefinitions", "customProperties"] {
        fields.list(key, findings);
    }
    fields.unknown(ROOT_KEYS, findings);
    repeated(contract.objects.iter().map(|object| (object.name.as_str(), object.line)), "schema object", findings);
    contract
}

/// Whether the rest of the contract can be read at all.
fn read_api_version(fields: &Fields<'_>, api_version: &str, findings: &mut Findings) -> bool {
    let numbers: Vec<_> = api_version.trim_start_matches('v').split('.').map(str::parse::<u32>).collect();
    let hint = Some("apiVersion: v3.1.0".to_owned());
    match numbers.as_slice() {
        [] | [Err(_)] if api_version.is_empty() => true,
        [Ok(3), Ok(minor), ..] => {
            if *minor > 1 {
                let message = format!("`{api_version}` is newer than v3.1.0: what it added is not evaluated");
                findings.warning(fields.place("apiVersion"), message, None);
                findings.unknown_keys_are_warnings = true;
            }
            true
        }
        _ => {
            let message = format!("`apiVersion` is `{api_version}`; versions 3.0 and 3.1 are read");
            findings.error(fields.place("apiVersion"), message, hint);
            false
        }
    }
}

fn purpose(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<String> {
    let node = fields.take("description")?;
    match &node.yaml {
        Yaml::Null => None,
        Yaml::Text(text) => {
            let hint = Some("description:\n  purpose: …".to_owned());
            findings.warning(node.place, "`description` of a contract is a mapping".to_owned(), hint);
            Some(text.clone())
        }
        _ => {
            let mut description = Fields::of(node, "`description`", findings)?;
            let purpose = description.text("purpose", findings);
            let keys = &["usage", "purpose", "limitations", "authoritativeDefinitions", "customProperties"];
            description.unknown(keys, findings);
            purpose
        }
    }
}

fn object(node: &Node, findings: &mut Findings) -> Option<SchemaObject> {
    let mut fields = Fields::of(node, "a schema object", findings)?;
    let name = fields.required_text("name", findings);
    if let Some(logical_type) = fields.text("logicalType", findings).filter(|found| found != "object") {
        let message = format!("`logicalType` of a schema object is `{logical_type}`");
        findings.error(fields.place("logicalType"), message, Some("logicalType: object".to_owned()));
    }
    let properties: Vec<_> =
        fields.list("properties", findings).iter().filter_map(|node| property::property(node, findings)).collect();
    let columns: Vec<&str> = properties.iter().map(|property| property.name.as_str()).collect();
    let quality = quality::rules(&mut fields, &quality::Subject::Table { columns: &columns }, findings);
    repeated(properties.iter().map(|property| (property.name.as_str(), property.line)), "property", findings);
    let relationships = relationship::of_table(&mut fields, findings);
    let object = SchemaObject {
        name,
        physical_name: fields.text("physicalName", findings),
        description: fields.text("description", findings),
        properties,
        quality,
        relationships,
        line: node.place.line,
    };
    fields.unknown(OBJECT_KEYS, findings);
    Some(object)
}

fn sla(node: &Node, findings: &mut Findings) -> Option<Sla> {
    let mut fields = Fields::of(node, "an entry of `slaProperties`", findings)?;
    let name = fields.required_text("property", findings);
    let value = fields.take("value").map(Node::json);
    if value.is_none() {
        findings.error(node.place, format!("the promise `{name}` has no `value`"), Some("value: 1".to_owned()));
    }
    let sla = Sla {
        property: SlaProperty::read(&name),
        value: value.unwrap_or_default(),
        value_ext: fields.take("valueExt").map(Node::json).filter(|value| !value.is_null()),
        unit: fields.text("unit", findings),
        element: fields.text("element", findings),
        driver: fields.text("driver", findings),
        line: node.place.line,
    };
    fields.unknown(SLA_KEYS, findings);
    service::lint(&sla, &fields, node, findings);
    Some(sla)
}

fn repeated<'a>(named: impl Iterator<Item = (&'a str, u64)>, what: &str, findings: &mut Findings) {
    let mut seen = std::collections::HashMap::new();
    for (name, line) in named.filter(|(name, _)| !name.is_empty()) {
        if let Some(first) = seen.insert(name, line) {
            let message = format!("the {what} `{name}` is here twice, first on line {first}");
            findings.error(Place { line, column: 1 }, message, None);
        }
    }
}
