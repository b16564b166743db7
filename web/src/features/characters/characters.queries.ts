import { useQuery, useQueryCache } from '@pinia/colada'
import type { Ref } from 'vue'
import { getCharacterQuery, listCharactersQuery } from '@/api/generated/@pinia/colada.gen'
import * as api from '@/api/generated/sdk.gen'
import type { CharacterView } from '@/api/generated/types.gen'
import { hasHangul } from '@/lib/text/script'

export type Character = CharacterView

/** What the editor changes. */
export interface CharacterInput {
  name: string
  system_prompt: string
  greeting: string
  description: string
  visibility: Character['visibility']
}

export type Scope = 'all' | 'mine' | 'public'

const LIMIT = 100
const SCOPES: Record<Scope, string> = { all: 'mine,public', mine: 'mine', public: 'public' }

/** Those who speak the reader's language come first; otherwise the order stays. */
export function inLanguage(characters: readonly Character[], locale: string): Character[] {
  const isForeign = ({ name, description }: Character) => hasHangul(name + description) !== (locale === 'ko')
  return characters.toSorted((a, b) => Number(isForeign(a)) - Number(isForeign(b)))
}

/** Characters of a scope whose name fits `search`; while the next list is on its way, the last one stays. */
export function useCharacters(scope: Readonly<Ref<Scope>>, search: Readonly<Ref<string>>) {
  return useQuery(() => {
    const q = search.value.normalize('NFC').trim()
    return {
      ...listCharactersQuery({ query: { scope: SCOPES[scope.value], limit: LIMIT, ...(q ? { q } : {}) } }),
      placeholderData: (previous: { items: Character[]; next_cursor: string | null } | undefined) => previous,
      staleTime: 30_000,
    }
  })
}

/** One character with everything its owner may see; nothing is asked while `id` is `null`. */
export function useCharacter(id: Readonly<Ref<number | null>>) {
  return useQuery(() => ({
    ...getCharacterQuery({ path: { character_id: id.value ?? 0 } }),
    enabled: id.value !== null,
  }))
}

/** Acts on characters; after each the lists are read again. */
export function useCharacterActions() {
  const cache = useQueryCache()
  const again = () =>
    cache.invalidateQueries({ predicate: ({ key }) => /"(?:list|get)Characters?"/.test(JSON.stringify(key)) })

  /** Makes a character, or changes `saved`; refused when that one was changed meanwhile. */
  async function save(saved: Character | null, body: CharacterInput): Promise<Character> {
    const { data } =
      saved === null
        ? await api.createCharacter({ body })
        : await api.updateCharacter({
            path: { character_id: saved.id },
            headers: { 'If-Match': `"${saved.version}"` },
            body,
          })
    void again()
    return data
  }

  async function remove(id: number): Promise<void> {
    await api.deleteCharacter({ path: { character_id: id } })
    void again()
  }

  return { save, remove }
}
