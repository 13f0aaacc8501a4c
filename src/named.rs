/// An enum whose variants have names: `Full => "full"`. Beside the enum it makes `COUNT`, `ALL` and
/// `name`, and `Display`, which writes the name.
macro_rules! named {
    (
        $(#[$about:meta])*
        $visible:vis enum $Enum:ident {
            $($(#[$which:meta])* $Variant:ident $(= $number:literal)? => $name:literal,)+
        }
    ) => {
        $(#[$about])*
        $visible enum $Enum {
            $($(#[$which])* $Variant $(= $number)?,)+
        }

        impl $Enum {
            /// How many there are.
            $visible const COUNT: usize = [$($name),+].len();

            /// All of them, in the order in which they are declared.
            $visible const ALL: [Self; Self::COUNT] = [$(Self::$Variant),+];

            /// The name, as in files, in messages and for people.
            $visible const fn name(self) -> &'static str {
                match self {
                    $(Self::$Variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}
