//! The use cases of LionRocket: accounts, characters, chats, turns and statistics.
