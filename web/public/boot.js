// Runs before the first paint, so that the page never flashes in the wrong theme.
;(() => {
  let saved = {}
  try {
    saved = JSON.parse(localStorage.getItem('lionrocket.ui') || '{}') || {}
  } catch {
    // Storage may be closed or hold something else: the defaults are fine.
  }
  const root = document.documentElement
  const dark =
    saved.theme === 'dark' || (saved.theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  root.classList.toggle('dark', dark)
  const wanted =
    saved.locale || (navigator.languages || [navigator.language]).find((l) => /^(ko|en)\b/i.test(l))
  root.lang = wanted && /^en/i.test(wanted) ? 'en' : 'ko'
})()
