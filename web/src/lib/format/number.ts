/** Micro-dollars as dollars; small amounts keep enough digits to be more than zero. */
export function formatCost(microUsd: number, locale: string): string {
  const usd = microUsd / 1_000_000
  const digits = usd === 0 || usd >= 1 ? 2 : 4
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: 'USD',
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(usd)
}
