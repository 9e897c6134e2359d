//! What the names in a SELECT stand for.

use sqlparser::ast::{BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator};
use sqlparser::tokenizer::Span;

use super::super::fold_case;

/// A relation in FROM.
#[derive(Debug, Clone)]
pub(super) struct ScopeRelation {
    /// The alias or the table's name; the columns of a relation without a name
    /// cannot be qualified.
    pub(super) name: Option<Ident>,
    /// The names of its columns, unless they are not known.
    pub(super) columns: Option<Vec<String>>,
}

impl ScopeRelation {
    /// Whether there is a column of that name; `None` if that is not known.
    fn has_column(&self, column: &str) -> Option<bool> {
        let columns = self.columns.as_ref()?;
        Some(columns.iter().any(|name| name == column))
    }

    /// The column that is called `name` in upper or lower case but not exactly; `None`
    /// if there is none, or more than one.
    fn spelled_column(&self, name: &Ident) -> Option<&str> {
        let columns = self.columns.as_ref()?;
        if columns.contains(&fold_case(name)) {
            return None;
        }
        let folded = name.value.to_lowercase();
        let mut found = columns.iter().filter(|name| name.to_lowercase() == folded);
        let column = found.next()?;
        found.all(|other| other == column).then_some(column)
    }

    fn is_named(&self, qualifier: &Ident) -> bool {
        self.name
            .as_ref()
            .is_some_and(|name| fold_case(name) == fold_case(qualifier))
    }
}

/// A key of a join by name.
#[derive(Debug, Clone)]
pub(super) struct JoinKey {
    pub(super) name: Ident,
    /// What the name stands for.
    pub(super) value: Expr,
    /// The relations whose columns of this name it replaces.
    relations: Vec<usize>,
}

/// A part of what `*` expands to.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "a query has a few of them")]
pub(super) enum Piece {
    Key(JoinKey),
    /// All columns of a relation but these.
    Relation(usize, Vec<Ident>),
}

/// The relations of a FROM.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) relations: Vec<ScopeRelation>,
    pub(super) pieces: Vec<Piece>,
}

/// Why a name in USING cannot be resolved.
pub(super) struct UnresolvedKey {
    pub(super) place: Span,
    pub(super) message: String,
}

impl Scope {
    pub(super) fn of_relation(name: Option<Ident>, columns: Option<Vec<String>>) -> Self {
        Self {
            relations: vec![ScopeRelation { name, columns }],
            pieces: vec![Piece::Relation(0, Vec::new())],
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &JoinKey> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Key(key) => Some(key),
            Piece::Relation(..) => None,
        })
    }

    pub(super) fn has_keys(&self) -> bool {
        self.keys().next().is_some()
    }

    pub(super) fn find_key(&self, name: &Ident) -> Option<&JoinKey> {
        let name = fold_case(name);
        self.keys().find(|key| fold_case(&key.name) == name)
    }

    pub(super) fn names_relation(&self, qualifier: &Ident) -> bool {
        self.relations.iter().any(|r| r.is_named(qualifier))
    }

    /// Whether a name without a qualifier belongs to this scope; `None` if that is
    /// not known.
    pub(super) fn has_name(&self, name: &Ident) -> Option<bool> {
        let name = fold_case(name);
        let mut known = true;
        for relation in &self.relations {
            match relation.has_column(&name) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => known = false,
            }
        }
        known.then_some(false)
    }

    /// The exact name of the column that a name without a qualifier means in another
    /// spelling.
    pub(super) fn spelled_name(&self, name: &Ident) -> Option<Ident> {
        if self.has_name(name) != Some(false) {
            return None;
        }
        let mut found = self
            .relations
            .iter()
            .filter_map(|relation| relation.spelled_column(name));
        let column = found.next()?;
        found.next().is_none().then(|| spelled_as(name, column))
    }

    /// The columns of the relation `qualifier`, if they are known.
    pub(super) fn columns_of(&self, qualifier: &Ident) -> Option<Vec<String>> {
        let relation = self.relations.iter().find(|r| r.is_named(qualifier))?;
        relation.columns.clone()
    }

    /// The same for a column of the relation `qualifier`.
    pub(super) fn spelled_name_of(&self, qualifier: &Ident, name: &Ident) -> Option<Ident> {
        let relation = self.relations.iter().find(|r| r.is_named(qualifier))?;
        Some(spelled_as(name, relation.spelled_column(name)?))
    }

    /// Whether a column that a key does not stand for has the key's name.
    pub(super) fn is_ambiguous(&self, key: &JoinKey) -> bool {
        let name = fold_case(&key.name);
        self.relations.iter().enumerate().any(|(at, relation)| {
            !key.relations.contains(&at) && relation.has_column(&name) == Some(true)
        })
    }

    /// The names of the columns of `*`, in order, if they are known.
    pub(super) fn output_names(&self) -> Option<Vec<String>> {
        let mut names = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Key(key) => names.push(fold_case(&key.name)),
                Piece::Relation(at, except) => {
                    let except: Vec<String> = except.iter().map(fold_case).collect();
                    let columns = self.relations.get(*at)?.columns.as_ref()?;
                    names.extend(columns.iter().filter(|c| !except.contains(c)).cloned());
                }
            }
        }
        Some(names)
    }

    /// The columns of `*`, in order, as values with names.
    pub(super) fn output_columns(&self) -> Option<Vec<Expr>> {
        let mut values = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Key(key) => values.push(Expr::Named {
                    expr: Box::new(key.value.clone()),
                    name: key.name.clone(),
                }),
                Piece::Relation(at, except) => {
                    let except: Vec<String> = except.iter().map(fold_case).collect();
                    let relation = self.relations.get(*at)?;
                    let columns = relation.columns.as_ref()?;
                    let columns = columns.iter().filter(|c| !except.contains(c)).map(|c| {
                        let column = Ident::with_quote('`', c);
                        match &relation.name {
                            Some(name) => Expr::CompoundIdentifier(vec![name.clone(), column]),
                            None => Expr::Identifier(column),
                        }
                    });
                    values.extend(columns);
                }
            }
        }
        Some(values)
    }

    /// This scope and another, as after `,` or `JOIN … ON`.
    pub(super) fn joined(mut self, right: Self) -> Self {
        let offset = self.relations.len();
        self.relations.extend(right.relations);
        self.pieces
            .extend(right.pieces.into_iter().map(|piece| shift(piece, offset)));
        self
    }

    /// This scope with the names of the relations of another, whose columns are those of
    /// a join's condition only.
    pub(super) fn hiding(mut self, other: Self) -> Self {
        let hidden = other.relations.into_iter().map(|relation| ScopeRelation {
            name: relation.name,
            columns: Some(Vec::new()),
        });
        self.relations.extend(hidden);
        self
    }

    /// This scope joined with another by the columns named `names`: the scope and
    /// the condition.
    pub(super) fn joined_by(
        self,
        right: Self,
        operator: &JoinOperator,
        names: &[Ident],
    ) -> Result<(Self, Expr), UnresolvedKey> {
        let offset = self.relations.len();
        let mut keys = Vec::with_capacity(names.len());
        let mut condition: Option<Expr> = None;
        for name in names {
            let (left_value, mut relations) = self.resolve(name, "left")?;
            let (right_value, right_relations) = right.resolve(name, "right")?;
            relations.extend(right_relations.into_iter().map(|at| at + offset));
            let equal = Expr::BinaryOp {
                left: Box::new(left_value.clone()),
                op: BinaryOperator::Eq,
                right: Box::new(right_value.clone()),
            };
            condition = Some(match condition {
                None => equal,
                Some(before) => Expr::BinaryOp {
                    left: Box::new(before),
                    op: BinaryOperator::And,
                    right: Box::new(equal),
                },
            });
            let value = match operator {
                JoinOperator::FullOuter(_) => coalesce(left_value, right_value),
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) => right_value,
                JoinOperator::RightSemi(_) | JoinOperator::RightAnti(_) => right_value,
                _ => left_value,
            };
            keys.push(JoinKey {
                name: name.clone(),
                value,
                relations,
            });
        }
        let condition = condition.ok_or_else(|| UnresolvedKey {
            place: Span::empty(),
            message: "this join names no columns".to_owned(),
        })?;
        let mut scope = self.joined(right);
        for piece in &mut scope.pieces {
            if let Piece::Relation(at, except) = piece {
                let hidden = keys.iter().filter(|key| key.relations.contains(at));
                except.extend(hidden.map(|key| key.name.clone()));
            }
        }
        scope.pieces.retain(|piece| match piece {
            Piece::Key(key) => !keys.iter().any(|new| same_name(&new.name, &key.name)),
            Piece::Relation(..) => true,
        });
        let keys = keys.into_iter().map(Piece::Key);
        scope.pieces.splice(0..0, keys);
        Ok((scope, condition))
    }

    /// What a name in USING stands for on one side, and the relations that have it.
    fn resolve(&self, name: &Ident, side: &str) -> Result<(Expr, Vec<usize>), UnresolvedKey> {
        if let Some(key) = self.find_key(name) {
            return Ok((key.value.clone(), key.relations.clone()));
        }
        let folded = fold_case(name);
        let unresolved = |message: String| UnresolvedKey {
            place: name.span,
            message,
        };
        let mut found = Vec::new();
        let mut unknown = Vec::new();
        for (at, relation) in self.relations.iter().enumerate() {
            match relation.has_column(&folded) {
                Some(true) => found.push(at),
                Some(false) => {}
                None => unknown.push(at),
            }
        }
        let at = match (found.as_slice(), unknown.as_slice()) {
            ([at], []) | ([], [at]) => *at,
            ([], []) => {
                return Err(unresolved(format!(
                    "no column `{}` on the {side} side of this join",
                    name.value
                )));
            }
            _ => {
                return Err(unresolved(format!(
                    "column `{}` is in more than one relation on the {side} side of this join",
                    name.value
                )));
            }
        };
        match self.relations.get(at).and_then(|r| r.name.clone()) {
            Some(qualifier) => {
                let value = Expr::CompoundIdentifier(vec![qualifier, name.clone()]);
                Ok((value, vec![at]))
            }
            None => Err(unresolved(format!(
                "the relation on the {side} side of this join needs a name"
            ))),
        }
    }
}

fn spelled_as(name: &Ident, column: &str) -> Ident {
    let mut exact = Ident::with_quote('`', column);
    exact.span = name.span;
    exact
}

fn same_name(left: &Ident, right: &Ident) -> bool {
    fold_case(left) == fold_case(right)
}

fn shift(piece: Piece, offset: usize) -> Piece {
    match piece {
        Piece::Relation(at, except) => Piece::Relation(at + offset, except),
        Piece::Key(mut key) => {
            key.relations.iter_mut().for_each(|at| *at += offset);
            Piece::Key(key)
        }
    }
}

fn coalesce(left: Expr, right: Expr) -> Expr {
    super::super::call_function("coalesce", vec![left, right])
}

/// The constraint of a join; APPLY and the like have none.
pub(in super::super) fn constraint_of(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint)
        | JoinOperator::StraightJoin(constraint)
        | JoinOperator::AsOf { constraint, .. } => Some(constraint),
        JoinOperator::CrossApply
        | JoinOperator::OuterApply
        | JoinOperator::ArrayJoin
        | JoinOperator::LeftArrayJoin
        | JoinOperator::InnerArrayJoin => None,
    }
}
