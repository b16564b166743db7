//! Statements whose text never changes.

use std::marker::PhantomData;

use diesel::{
    QueryResult, query_builder::AstPass, serialize::ToSql, sql_types::HasSqlType, sqlite::Sqlite,
};

/// A value together with the SQL type as which it is bound.
#[derive(Debug)]
pub struct Bind<'b, ST, T> {
    value: &'b T,
    sql_type: PhantomData<ST>,
}

impl<'b, ST, T> Bind<'b, ST, T>
where
    T: ToSql<ST, Sqlite>,
    Sqlite: HasSqlType<ST>,
{
    /// Borrows a value.
    pub const fn new(value: &'b T) -> Self {
        Self {
            value,
            sql_type: PhantomData,
        }
    }

    /// Puts the value's place into a statement.
    pub fn push(&self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<ST, T>(self.value)
    }
}

/// Makes a type for a statement whose text is the same for all values, so that a connection
/// prepares it once and finds it again by its type. Diesel's own `sql_query` is prepared anew each
/// time, and its updates have their text built anew.
///
/// After the fields come `rows` and the SQL types of a result row (`()` for none), then the text:
/// string literals, constants in parentheses, and names of fields for their values. A dialect that
/// needs the same statements gets its `QueryFragment` in this macro.
#[macro_export]
macro_rules! static_query {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<$life:lifetime> { $($fields:tt)* }
        rows $row:ty;
        $($piece:tt)+
    ) => {
        $crate::static_query!(@struct [$(#[$meta])* $vis] [$name<$life>] { $($fields)* });
        $crate::static_query!(@impl [$name<'_>] [$name<'static>] [$row] { $($fields)* } $($piece)+);
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident { $($fields:tt)* }
        rows $row:ty;
        $($piece:tt)+
    ) => {
        $crate::static_query!(@struct [$(#[$meta])* $vis] [$name] { $($fields)* });
        $crate::static_query!(@impl [$name] [$name] [$row] { $($fields)* } $($piece)+);
    };
    (
        @struct [$($meta:tt)*] [$($name:tt)+]
        { $($(#[$field_meta:meta])* $field:ident : $sql_type:ty = $rust_type:ty),* $(,)? }
    ) => {
        #[derive(Clone, Copy, Debug)]
        $($meta)* struct $($name)+ {
            $($(#[$field_meta])* pub $field: $rust_type,)*
        }
    };
    (
        @impl [$name:ty] [$static_name:ty] [$row:ty]
        { $($(#[$field_meta:meta])* $field:ident : $sql_type:ty = $rust_type:ty),* $(,)? }
        $($piece:tt)+
    ) => {
        impl diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                $(let $field = $crate::Bind::<$sql_type, _>::new(&self.$field);)*
                $($crate::static_query!(@piece out $piece);)+
                Ok(())
            }
        }

        impl diesel::query_builder::QueryId for $name {
            type QueryId = $static_name;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name {
            type SqlType = $row;
        }

        impl<C> diesel::RunQueryDsl<C> for $name {}
    };
    (@piece $out:ident $text:literal) => {
        $out.push_sql($text)
    };
    (@piece $out:ident ($text:expr)) => {
        $out.push_sql($text)
    };
    (@piece $out:ident $field:ident) => {
        $field.push(&mut $out)?
    };
}
