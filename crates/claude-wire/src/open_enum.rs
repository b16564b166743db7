//! Enums over strings that the service may extend at any time.

/// Declares an enum whose unknown values keep their text in `Unknown`, so that reading never fails on a new value
/// and writing gives back what was read.
macro_rules! open_enum {
    (
        $(#[$enum_meta:meta])*
        pub enum $name:ident { $( $(#[$meta:meta])* $variant:ident = $text:literal, )+ }
    ) => {
        $(#[$enum_meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$meta])* $variant, )+
            /// A value this version does not know, as it was written.
            Unknown(String),
        }

        impl $name {
            /// Returns the value as it travels.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )+
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $( $text => Self::$variant, )+
                    _ => Self::Unknown(text.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use open_enum;
