import { exportMyData } from '@/api/generated/sdk.gen'

/** Puts everything that the service keeps of the person into a file. Throws an `ApiError`. */
export async function downloadExport(): Promise<void> {
  // As the text that it is: reading numbers and writing them again could change them.
  const { data } = await exportMyData({ responseType: 'text', timeout: 0 })
  const day = new Intl.DateTimeFormat('sv-SE').format(new Date())
  const url = URL.createObjectURL(new Blob([data as unknown as string], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `lionrocket-${day}.json`
  link.click()
  // The browser has taken hold of the file by the next turn.
  setTimeout(() => URL.revokeObjectURL(url))
}
