//! Values by their names.

/// Values by their names, in the order of the names.
///
/// A B-tree in its place would be code of its own for each kind of value in each crate that copies or drops one, a fifth of
/// what they compile; what a config or a program names is little, and mostly comes in order.
///
/// ```
/// use logtree_core::Table;
///
/// let mut ports: Table<u16> = [("https".to_owned(), 443), ("http".to_owned(), 80)].into_iter().collect();
/// ports.insert("http".to_owned(), 8080);
/// assert_eq!(ports.get("http"), Some(&8080));
/// assert_eq!(ports.names().collect::<Vec<_>>(), ["http", "https"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<V>(Vec<(String, V)>);

impl<V> Table<V> {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.place(name).ok().map(|place| &self.0[place].1)
    }

    /// Adds a value, in the place of the one that has the name.
    pub fn insert(&mut self, name: String, value: V) {
        match self.place(&name) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (name, value)),
        }
    }

    /// Takes all of them out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The values, in the order of their names.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.0.into_iter().map(|(_, value)| value)
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> FromIterator<(String, V)> for Table<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(values: I) -> Self {
        let mut table = Self::default();
        values.into_iter().for_each(|(name, value)| table.insert(name, value));
        table
    }
}
