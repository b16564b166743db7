import { defineConfig } from '@hey-api/openapi-ts'

export default defineConfig({
  input: '../docs/openapi.json',
  output: { path: 'src/api/generated' },
  plugins: [
    { name: '@hey-api/client-axios', throwOnError: true },
    '@hey-api/typescript',
    '@hey-api/sdk',
    { name: '@pinia/colada', mutationOptions: false },
  ],
})
