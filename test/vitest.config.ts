import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/helpers/no-litter.ts',
    // Node itself loads and strips the sources, as in production: plugins by path get the same modules as the tests.
    experimental: { viteModuleRunner: false },
    pool: 'forks',
    // One for each of two cores: vitest keeps a core for itself otherwise, and many tests wait for processes of their own.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
