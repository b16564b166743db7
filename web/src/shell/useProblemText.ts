import { useI18n } from 'vue-i18n'
import type { FieldProblem, Problem } from '@/api/problem'

/** Turns problems into sentences for people. The server's own prose is never shown. */
export function useProblemText() {
  const { t, te, n } = useI18n()

  function problemText(problem: Problem): string {
    const key = `errors.${problem.code}`
    if (te(key)) return t(key)
    return problem.status >= 400 && problem.status < 500 ? t('errors.http_4xx') : t('errors.http_5xx')
  }

  function fieldText(field: FieldProblem): string {
    const key = `fields.${field.code}`
    const numbers = { limit: n(field.limit ?? 0), actual: n(field.actual ?? 0) }
    return te(key) ? t(key, numbers) : t('fields.invalid')
  }

  return { problemText, fieldText }
}
