//! Entities, ids, checked values and the pure rules of LionRocket.
