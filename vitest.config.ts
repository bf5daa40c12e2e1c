import { defineConfig } from 'vitest/config'

// Unit tests sit beside the code; test/ holds what spans folders. Kernel and e2e tests own parts of the machine
// (namespaces, daemons), so their files run one after the other.
const onLab = {
  globalSetup: ['test/e2e/global-setup.ts'],
  fileParallelism: false,
  testTimeout: 300_000,
  hookTimeout: 300_000,
}
const tunnelTests = ['test/e2e/net-tools-vxlan.test.ts']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{api,bin,control-plane,agent,cni,cli,host,lab,images,scripts,addons}/**/*.test.ts',
            'test/integration/**/*.test.ts',
            'test/support/**/*.test.ts',
          ],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: tunnelTests,
          ...onLab,
        },
      },
      {
        // What another network and proxy mode do differently.
        test: {
          name: 'e2e-nftables',
          include: [...tunnelTests, 'test/e2e/rolling-update.test.ts'],
          env: { FAIRLEAD_LAB_UP: '--proxy-mode nftables --network vxlan' },
          ...onLab,
        },
      },
    ],
  },
})
