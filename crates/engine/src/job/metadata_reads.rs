//! Queries that read `_metadata`, the hidden column of sources.
//!
//! A source whose column is read has two tables: one without it, under its own name, and
//! one with it. In a query that names the column, its relation becomes the second, and
//! every `*` next to the name leaves the column out, as in Spark. The name is looked for
//! in the `FROM` of the same `SELECT`, then in those around it.

use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, METADATA_PREFIX, Span, codes, visit_nodes, visit_nodes_mut};
use sqlparser::ast::{
    ExceptSelectItem, Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins, Visitor,
    VisitorMut, WildcardAdditionalOptions,
};

use crate::source::METADATA_COLUMN;

/// The name of the table that has the column.
pub(super) fn metadata_table(table: &str) -> String {
    format!("{METADATA_PREFIX}{table}")
}

/// Whether a query names the column.
pub(super) fn names_metadata(query: &Query) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            match select.projection.iter().any(|i| star_mention(i).is_some()) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr_mention(expr) {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        }
    }
    visit_nodes(query, &mut Finder).is_break()
}

/// Puts the tables with the column where `query` names it. `has_metadata`: whether a table
/// has one with the column. Returns what is wrong.
pub(super) fn read_metadata(
    query: &mut Query,
    has_metadata: &dyn Fn(&str) -> bool,
) -> Vec<Diagnostic> {
    let mut reader = MetadataReader {
        has_metadata,
        frames: Vec::new(),
        problems: Vec::new(),
    };
    let _ = visit_nodes_mut(query, &mut reader);
    reader.problems
}

/// Where a query names the column.
struct Mention {
    /// The relation that is written before it.
    relation: Option<String>,
    place: sqlparser::tokenizer::Span,
}

fn expr_mention(expr: &Expr) -> Option<Mention> {
    match expr {
        Expr::Identifier(name) => find_mention(&[name]),
        Expr::CompoundIdentifier(parts) => find_mention(&parts.iter().collect::<Vec<_>>()),
        _ => None,
    }
}

/// `_metadata.*`.
fn star_mention(item: &SelectItem) -> Option<Mention> {
    match item {
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            let parts: Option<Vec<&Ident>> = name.0.iter().map(|part| part.as_ident()).collect();
            find_mention(&parts?)
        }
        _ => None,
    }
}

fn find_mention(parts: &[&Ident]) -> Option<Mention> {
    let names_column = |part: &Ident| part.value.eq_ignore_ascii_case(METADATA_COLUMN);
    match parts {
        [first, ..] if names_column(first) => Some(Mention {
            relation: None,
            place: first.span,
        }),
        [relation, second, ..] if names_column(second) => Some(Mention {
            relation: Some(fold_case(relation)),
            place: second.span,
        }),
        _ => None,
    }
}

fn fold_case(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// A source in a `FROM`.
struct VisibleSource {
    /// The name under which the query knows it.
    name: String,
    /// Where its column is read first.
    read_at: Option<sqlparser::tokenizer::Span>,
}

/// A query or a `SELECT` that is being walked.
struct Frame {
    ctes: Vec<String>,
    sources: Vec<VisibleSource>,
    is_query: bool,
    /// The `SELECT` that comes next is the body of this query, whose `ORDER BY` sees the
    /// same relations.
    awaits_select: bool,
    /// Where it has the `*` of `struct(*)`.
    struct_star: Option<sqlparser::tokenizer::Span>,
}

impl Frame {
    const fn new(is_query: bool) -> Self {
        Self {
            ctes: Vec::new(),
            sources: Vec::new(),
            is_query,
            awaits_select: false,
            struct_star: None,
        }
    }
}

struct MetadataReader<'a> {
    has_metadata: &'a dyn Fn(&str) -> bool,
    frames: Vec<Frame>,
    problems: Vec<Diagnostic>,
}

impl VisitorMut for MetadataReader<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut frame = Frame::new(true);
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        frame.ctes = ctes.map(|cte| fold_case(&cte.alias.name)).collect();
        self.frames.push(frame);
        if let SetExpr::Select(select) = query.body.as_ref()
            && query.pipe_operators.is_empty()
        {
            let sources = self.visible_sources(&select.from);
            if let Some(frame) = self.frames.last_mut() {
                frame.sources = sources;
                frame.awaits_select = true;
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let frame = self.frames.pop();
        if let (Some(frame), SetExpr::Select(select)) = (frame, query.body.as_mut()) {
            self.put_tables(select, &frame);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let is_awaited = match self.frames.last_mut() {
            Some(frame) => std::mem::take(&mut frame.awaits_select),
            None => false,
        };
        if !is_awaited {
            let mut frame = Frame::new(false);
            frame.sources = self.visible_sources(&select.from);
            self.frames.push(frame);
        }
        for mention in select.projection.iter().filter_map(star_mention) {
            self.mark_source(&mention);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let Some(frame) = self.frames.pop_if(|frame| !frame.is_query) {
            self.put_tables(select, &frame);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(mention) = expr_mention(expr) {
            self.mark_source(&mention);
        }
        if let (Expr::Wildcard(star), Some(frame)) = (expr, self.frames.last_mut()) {
            frame.struct_star.get_or_insert(star.0.span);
        }
        ControlFlow::Continue(())
    }
}

impl MetadataReader<'_> {
    /// Records that the column is read of the nearest source that the name can mean.
    fn mark_source(&mut self, mention: &Mention) {
        for frame in self.frames.iter_mut().rev() {
            let mut is_found = false;
            for source in &mut frame.sources {
                let is_meant = match &mention.relation {
                    Some(relation) => source.name == *relation,
                    None => true,
                };
                if is_meant {
                    source.read_at.get_or_insert(mention.place);
                    is_found = true;
                }
            }
            if is_found {
                return;
            }
        }
    }

    fn visible_sources(&self, from: &[TableWithJoins]) -> Vec<VisibleSource> {
        let mut sources = Vec::new();
        for table in from {
            let joined = table.joins.iter().map(|join| &join.relation);
            for factor in std::iter::once(&table.relation).chain(joined) {
                match factor {
                    TableFactor::NestedJoin {
                        table_with_joins,
                        alias: None,
                    } => {
                        let nested = std::slice::from_ref(table_with_joins.as_ref());
                        sources.extend(self.visible_sources(nested));
                    }
                    factor => sources.extend(self.source_name(factor).map(|name| VisibleSource {
                        name,
                        read_at: None,
                    })),
                }
            }
        }
        sources
    }

    /// The name under which a query knows a relation; `None` when it is no source.
    fn source_name(&self, factor: &TableFactor) -> Option<String> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } = factor
        else {
            return None;
        };
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
            return None;
        };
        let table = fold_case(ident);
        let is_cte = self.frames.iter().any(|frame| frame.ctes.contains(&table));
        if is_cte || !(self.has_metadata)(&table) {
            return None;
        }
        match alias {
            // Such a list names all columns.
            Some(alias) if !alias.columns.is_empty() => None,
            Some(alias) => Some(fold_case(&alias.name)),
            None => Some(table),
        }
    }

    /// Puts the tables with the column into a `FROM`, and takes it out of every `*`.
    fn put_tables(&mut self, select: &mut Select, frame: &Frame) {
        let read: Vec<&VisibleSource> = frame
            .sources
            .iter()
            .filter(|source| source.read_at.is_some())
            .collect();
        if read.is_empty() || select.projection.is_empty() {
            return;
        }
        if let Some(place) = frame.struct_star {
            self.refuse("`struct(*)` next to `_metadata` is not supported", place);
            return;
        }
        let has_star = select
            .projection
            .iter()
            .any(|item| matches!(item, SelectItem::Wildcard(_)));
        if let [first, _, ..] = read.as_slice()
            && let Some(place) = first.read_at
            && (has_star || select.from.iter().any(has_natural_join))
        {
            self.refuse(
                "`*` and NATURAL JOIN over several sources whose `_metadata` is read are not \
                 supported",
                place,
            );
            return;
        }
        let names: Vec<&str> = read.iter().map(|source| source.name.as_str()).collect();
        self.rename_tables(&mut select.from, &names);
        for item in &mut select.projection {
            match item {
                SelectItem::Wildcard(options) => hide_column(options),
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    let relation = match name.0.as_slice() {
                        [ObjectNamePart::Identifier(ident)] => fold_case(ident),
                        _ => continue,
                    };
                    if names.contains(&relation.as_str()) {
                        hide_column(options);
                    }
                }
                _ => {}
            }
        }
    }

    fn rename_tables(&self, from: &mut [TableWithJoins], names: &[&str]) {
        for table in from {
            let joined = table.joins.iter_mut().map(|join| &mut join.relation);
            for factor in std::iter::once(&mut table.relation).chain(joined) {
                if let TableFactor::NestedJoin {
                    table_with_joins,
                    alias: None,
                } = factor
                {
                    let nested = std::slice::from_mut(table_with_joins.as_mut());
                    self.rename_tables(nested, names);
                    continue;
                }
                let Some(known_as) = self.source_name(factor) else {
                    continue;
                };
                if names.contains(&known_as.as_str()) {
                    rename_table(factor, known_as);
                }
            }
        }
    }

    fn refuse(&mut self, message: &str, place: sqlparser::tokenizer::Span) {
        let problem = Diagnostic::error(codes::NOT_PLANNED, message)
            .with_help("list the columns, or read `_metadata` in a view of each source");
        self.problems.push(match Span::from_sqlparser(place) {
            Some(span) => problem.with_span(span),
            None => problem,
        });
    }
}

/// Replaces a table by the one with the column, under the same name for the query.
fn rename_table(factor: &mut TableFactor, known_as: String) {
    let TableFactor::Table { name, alias, .. } = factor else {
        return;
    };
    let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
        return;
    };
    let place = ident.span;
    let quoted = |value: String| {
        let mut ident = Ident::with_quote('`', value);
        ident.span = place;
        ident
    };
    let renamed = quoted(metadata_table(&fold_case(ident)));
    if alias.is_none() {
        *alias = Some(TableAlias {
            explicit: true,
            name: quoted(known_as),
            columns: Vec::new(),
            at: None,
        });
    }
    *name = ObjectName::from(vec![renamed]);
}

fn has_natural_join(table: &TableWithJoins) -> bool {
    // The constraint is in each of many kinds of joins; as text it comes first.
    let mut joins = table.joins.iter();
    joins.any(|join| join.to_string().starts_with("NATURAL "))
}

fn hide_column(options: &mut WildcardAdditionalOptions) {
    let hidden = Ident::with_quote('`', METADATA_COLUMN);
    match &mut options.opt_except {
        Some(except) => {
            let mut listed = std::iter::once(&except.first_element)
                .chain(&except.additional_elements)
                .map(fold_case);
            if !listed.any(|name| name == METADATA_COLUMN) {
                except.additional_elements.push(hidden);
            }
        }
        None => {
            options.opt_except = Some(ExceptSelectItem {
                first_element: hidden,
                additional_elements: Vec::new(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    use super::*;

    fn parse(text: &str) -> Query {
        let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).unwrap();
        *parser.parse_query().unwrap()
    }

    /// The query with the tables of `a` and `b`, or the first error.
    fn rewrite(text: &str) -> String {
        let mut query = parse(text);
        let problems = read_metadata(&mut query, &|name| ["a", "b"].contains(&name));
        match problems.first() {
            Some(problem) => problem.message.clone(),
            None => query.to_string(),
        }
    }

    #[test]
    fn only_relations_whose_column_is_named_are_replaced() {
        let same = [
            "SELECT * FROM a",
            "SELECT _metadata.file_name FROM c",
            "SELECT c._metadata FROM a JOIN c ON true",
            "WITH a AS (SELECT 1 AS x) SELECT _metadata FROM a",
            "SELECT (SELECT max(_metadata.line) FROM v) FROM c",
        ];
        for text in same {
            assert_eq!(rewrite(text), text);
        }
        let cases = [
            (
                "SELECT *, _metadata.file_name FROM A",
                "SELECT * EXCEPT (`_metadata`), _metadata.file_name FROM `metadata a` AS `a`",
            ),
            (
                "SELECT x.*, c.* FROM a AS x JOIN c ON x._metadata.line = c.n",
                "SELECT x.* EXCEPT (`_metadata`), c.* FROM `metadata a` AS x JOIN c ON \
                 x._metadata.line = c.n",
            ),
            (
                "SELECT * EXCEPT (id) FROM a JOIN b ON a.id = b.id ORDER BY b._metadata.line",
                "SELECT * EXCEPT (id, `_metadata`) FROM a JOIN `metadata b` AS `b` ON \
                 a.id = b.id ORDER BY b._metadata.line",
            ),
            (
                "SELECT * FROM a UNION ALL SELECT _metadata.* FROM b",
                "SELECT * FROM a UNION ALL SELECT _metadata.* FROM `metadata b` AS `b`",
            ),
            (
                "SELECT * FROM (SELECT id FROM a WHERE _metadata.line > 1) AS t, b",
                "SELECT * FROM (SELECT id FROM `metadata a` AS `a` WHERE _metadata.line > 1) AS \
                 t, b",
            ),
            (
                "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.n = a._metadata.line)",
                "SELECT id FROM `metadata a` AS `a` WHERE EXISTS (SELECT 1 FROM b WHERE b.n = \
                 a._metadata.line)",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(rewrite(text), expected);
        }
    }

    #[test]
    fn stars_of_several_sources_are_refused() {
        for text in [
            "SELECT *, a._metadata.line, b._metadata.line FROM a JOIN b ON true",
            "SELECT a._metadata.line, b._metadata.line FROM a NATURAL JOIN b",
        ] {
            assert!(rewrite(text).contains("over several sources"), "{text}");
        }
        let each = "SELECT a.*, a._metadata.line, b._metadata.line FROM a JOIN b ON true";
        assert!(rewrite(each).contains("FROM `metadata a` AS `a` JOIN `metadata b` AS `b`"));
    }

    #[test]
    fn queries_that_name_the_column_are_found() {
        for text in [
            "SELECT _METADATA FROM a",
            "SELECT 1 FROM a ORDER BY a._metadata.line",
            "SELECT _metadata.* FROM a",
            "SELECT 1 FROM (SELECT _metadata.line FROM a)",
        ] {
            assert!(names_metadata(&parse(text)), "{text}");
        }
        assert!(!names_metadata(&parse(
            "SELECT metadata, x._metadata_ FROM a"
        )));
    }
}
