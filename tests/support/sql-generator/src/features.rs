//! What queries can be kept free of while it is known to be wrong.

/// A part of SQL that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Aggregates with FILTER as window functions.
    WindowFilter,
    /// IGNORE NULLS of window functions.
    IgnoreNulls,
    /// USING and NATURAL joins other than inner ones.
    OuterUsing,
    /// Branches of set operations without FROM.
    ConstantBranch,
    /// INTERSECT ALL and EXCEPT ALL.
    SetOperationAll,
    /// Window functions over joins.
    WindowOverJoin,
    /// NOT IN with a subquery.
    NotInSubquery,
    /// IN and EXISTS with a subquery elsewhere than in the conjuncts of WHERE.
    NestedSubquery,
    /// Subqueries that refer to the outer query.
    CorrelatedSubquery,
    /// NOT IN with a subquery that refers to the outer query.
    CorrelatedNotIn,
    /// A condition that is always NULL next to NOT IN with a subquery.
    NullNextToNotIn,
    /// Correlation by something else than equality.
    CorrelatedInequality,
    /// Correlation outside of a subquery's WHERE, below other operators, and with a
    /// query further outside.
    CorrelatedAnywhere,
    /// Subqueries in FROM that refer to the relations before them.
    LateralSubquery,
    /// bool_and and bool_or over frames that slide.
    SlidingBool,
    /// The smallest and largest whole numbers in tables, which overflow.
    IntegerOverflow,
    /// −0.0 in tables and literals: it is the same key as 0.0.
    NegativeZero,
    /// Dates far from today, in tables.
    FarDates,
    /// Fields of structs in brackets, after a qualified column: `q1.st['a']`.
    QualifiedBrackets,
    /// `element_at` of arrays.
    ElementAt,
    /// Unqualified columns of a USING join in WHERE and other clauses.
    UnqualifiedUsing,
}

impl Feature {
    pub const ALL: [Self; 21] = [
        Self::WindowFilter,
        Self::IgnoreNulls,
        Self::OuterUsing,
        Self::ConstantBranch,
        Self::SetOperationAll,
        Self::WindowOverJoin,
        Self::NotInSubquery,
        Self::NestedSubquery,
        Self::CorrelatedSubquery,
        Self::CorrelatedNotIn,
        Self::NullNextToNotIn,
        Self::CorrelatedInequality,
        Self::CorrelatedAnywhere,
        Self::LateralSubquery,
        Self::SlidingBool,
        Self::IntegerOverflow,
        Self::NegativeZero,
        Self::FarDates,
        Self::QualifiedBrackets,
        Self::ElementAt,
        Self::UnqualifiedUsing,
    ];
}
