import { readdirSync } from 'node:fs'
import { globalIgnores } from 'eslint/config'
import vue from 'eslint-plugin-vue'
import a11y from 'eslint-plugin-vuejs-accessibility'
import tseslint from 'typescript-eslint'

/** Imports go down only; see the layers in the comments of each block below. */
const forbid = (patterns) => ['error', { patterns: patterns.map(([group, message]) => ({ group, message })) }]
/** Every folder that a layer may not import from. */
const above = (layer) =>
  ({
    lib: ['@/api', '@/ui', '@/shell', '@/features', '@/app'],
    api: ['@/ui', '@/shell', '@/features', '@/app'],
    ui: ['@/api', '@/shell', '@/features', '@/app'],
  })[layer].map((folder) => `${folder}/**`)
const noGenerated = [['axios'], 'Only src/api talks to axios.']
const features = readdirSync(new URL('./src/features', import.meta.url))
const ownFeatureOnly = [
  ['@/features/*/*', '../../*/**', '!../../*.vue', ...features.map((name) => `../${name}/**`)],
  "Another feature is used through its index.ts; one's own files by a relative path.",
]

export default tseslint.config(
  globalIgnores(['dist', 'coverage', 'test-results', 'playwright-report', 'src/api/generated']),
  ...tseslint.configs.recommended,
  ...vue.configs['flat/recommended'],
  ...a11y.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      'vue/block-order': ['error', { order: ['script', 'template', 'style'] }],
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/define-macros-order': 'error',
      'vue/max-lines-per-block': ['error', { template: 250, script: 200 }],
      'vue/no-bare-strings-in-template': 'error',
      'vue/no-v-html': 'error',
      'vue/require-default-prop': 'off',
      // Layout belongs to prettier.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/first-attribute-linebreak': 'off',
      'vuejs-accessibility/label-has-for': ['error', { required: { some: ['nesting', 'id'] } }],
      // Focus is moved by hand, in one place, where a person expects it.
      'vuejs-accessibility/no-autofocus': 'error',
    },
  },
  {
    files: ['**/*.{ts,vue}'],
    rules: {
      'no-undef': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  { files: ['src/features/chat/components/MessageBody.vue'], rules: { 'vue/no-v-html': 'off' } },

  // lib: pure TypeScript, knows nothing of Vue, stores or the server.
  {
    files: ['src/lib/**'],
    rules: {
      'no-restricted-imports': forbid([
        [['vue', 'vue-*', 'pinia', '@pinia/*', 'axios', '@vueuse/*'], 'lib is pure TypeScript.'],
        [above('lib'), 'lib imports nothing of the application.'],
      ]),
    },
  },
  // api: the generated client, HTTP and streams.
  {
    files: ['src/api/**'],
    rules: { 'no-restricted-imports': forbid([[above('api'), 'api imports only lib.']]) },
  },
  // ui: wrappers over Reka; no knowledge of features or of the server.
  {
    files: ['src/ui/**'],
    rules: {
      'no-restricted-imports': forbid([[above('ui'), 'ui imports only lib.'], noGenerated]),
    },
  },
  {
    files: ['src/shell/**'],
    rules: {
      'no-restricted-imports': forbid([
        [['@/features/**', '@/app/**'], 'shell knows no feature.'],
        noGenerated,
      ]),
    },
  },
  {
    files: ['src/features/**'],
    rules: {
      'no-restricted-imports': forbid([
        [['@/app/**'], 'A feature knows nothing of the wiring.'],
        noGenerated,
        ownFeatureOnly,
      ]),
    },
  },
)
