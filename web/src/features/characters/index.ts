export { default as CharacterPicks } from './components/CharacterPicks.vue'
export type { Character } from './characters.queries'
