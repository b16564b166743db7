/** The longest value of each text of a character, in code points. The server judges by the same numbers. */
export const LIMITS = { name: 80, description: 500, system_prompt: 8000, greeting: 2000 } as const

export type CharacterField = keyof typeof LIMITS
