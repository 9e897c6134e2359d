//! The text of `--plan`: what the job defines, reads and does.

use sluice_proto::v1::{JobPlan, PlannedRelation, PlannedStep};

use crate::table::{TableColumn, format_table};
use sluice_service::format::{format_bytes, format_count, group_thousands};

/// The plan; `physical` adds each step's physical plan.
pub(crate) fn plan_text(plan: &JobPlan, physical: bool) -> String {
    let mut sections: Vec<String> = plan.relations.iter().map(relation_text).collect();
    if !plan.inputs.is_empty() {
        sections.push(inputs_table(plan));
    }
    if !plan.steps.is_empty() {
        sections.push(steps_table(&plan.steps));
    }
    if physical {
        sections.extend(
            plan.steps
                .iter()
                .filter(|step| !step.plan.is_empty())
                .map(|step| format!("{} {}\n{}", step.kind, step.name, indent_lines(&step.plan))),
        );
    } else if !plan.steps.is_empty() {
        sections.push("with --verbose each step's physical plan is shown".to_owned());
    }
    sections.join("\n\n")
}

fn relation_text(relation: &PlannedRelation) -> String {
    let mut head = format!("{} {}", relation.kind, relation.name);
    if !relation.depends_on.is_empty() {
        head.push_str(&format!(", reads {}", relation.depends_on.join(", ")));
    }
    if relation.shared {
        head.push_str(", computed once for all its readers");
    }
    if !relation.refresh.is_empty() {
        head.push_str(&format!(
            "\n    refresh {}: {}",
            relation.refresh, relation.refresh_reason
        ));
    }
    let columns: Vec<String> = relation
        .columns
        .iter()
        .map(|column| {
            let null = if column.nullable { "" } else { " NOT NULL" };
            format!("    {} {}{null}", column.name, column.r#type)
        })
        .collect();
    std::iter::once(head)
        .chain(columns)
        .collect::<Vec<_>>()
        .join("\n")
}

fn inputs_table(plan: &JobPlan) -> String {
    let columns = [
        TableColumn::Text("input"),
        TableColumn::Number("files"),
        TableColumn::Number("bytes"),
        TableColumn::Text("location"),
    ];
    let rows = plan
        .inputs
        .iter()
        .map(|input| {
            vec![
                input.name.clone(),
                group_thousands(input.files),
                format_bytes(input.bytes),
                input.location.clone(),
            ]
        })
        .collect();
    format_table(&columns, rows)
}

fn steps_table(steps: &[PlannedStep]) -> String {
    let columns = [
        TableColumn::Text("step"),
        TableColumn::Text("kind"),
        TableColumn::Text("after"),
        TableColumn::Text("work"),
    ];
    let rows = steps
        .iter()
        .map(|step| {
            vec![
                step.name.clone(),
                step.kind.clone(),
                step.after.join(", "),
                format!(
                    "{}, at most {} in parallel",
                    format_count(step.stages.into(), "stage"),
                    format_count(step.partitions.into(), "task")
                ),
            ]
        })
        .collect();
    format_table(&columns, rows)
}

fn indent_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use sluice_proto::v1::{Column, PlannedInput};

    use super::*;

    fn plan() -> JobPlan {
        JobPlan {
            relations: vec![PlannedRelation {
                name: "valid".into(),
                kind: "view".into(),
                depends_on: vec!["transactions".into()],
                shared: true,
                refresh: "full".into(),
                refresh_reason: "it is a view".into(),
                columns: vec![
                    Column {
                        name: "id".into(),
                        r#type: "STRING".into(),
                        nullable: false,
                    },
                    Column {
                        name: "tags".into(),
                        r#type: "ARRAY<STRING>".into(),
                        nullable: true,
                    },
                ],
            }],
            inputs: vec![PlannedInput {
                name: "transactions".into(),
                location: "file:///l/transactions".into(),
                files: 12,
                bytes: 4096,
            }],
            steps: vec![PlannedStep {
                name: "daily".into(),
                kind: "write".into(),
                after: vec!["valid".into()],
                stages: 2,
                partitions: 1,
                plan: "A\n  B\n".into(),
            }],
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_plan_names_relations_inputs_and_steps() {
        let text = plan_text(&plan(), false);
        assert!(
            text.starts_with(
                "view valid, reads transactions, computed once for all its readers\n    \
                 refresh full: it is a view\n    id STRING NOT NULL\n    tags ARRAY<STRING>\n\n"
            ),
            "{text}"
        );
        assert!(text.contains("4.0 KiB"), "{text}");
        assert!(
            text.contains("2 stages, at most 1 task in parallel"),
            "{text}"
        );
        assert!(text.ends_with("with --verbose each step's physical plan is shown"));
    }

    #[test]
    fn physical_plans_come_when_asked_for() {
        let text = plan_text(&plan(), true);
        assert!(text.ends_with("\n\nwrite daily\n    A\n      B"), "{text}");
    }
}
