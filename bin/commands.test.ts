import { expect, test } from 'vitest'
import { asksForHelp, choose, helpText } from './commands.ts'

test('called cbr it is the CNI plugin, whatever its words', () => {
  expect(choose('cbr', ['version'])).toEqual({ act: 'start', program: 'cbr', title: 'cbr', words: ['version'] })
})

test.each([
  [['server', '--port', '1'], 'control-plane', 'fairlead server', ['server', '--port', '1']],
  [['agent', '--node-name', 'a'], 'agent', 'fairlead agent', ['--node-name', 'a']],
  [['cni'], 'cbr', 'fairlead cni', []],
  [['dns', '--port', '53'], 'dns', 'fairlead dns', ['--port', '53']],
  [['join', '10.0.0.1:6443'], 'host', 'fairlead join', ['join', '10.0.0.1:6443']],
  [['images', '--load'], 'images', 'fairlead images', ['--load']],
  [['get', 'pods'], 'fairlead', 'fairlead', ['get', 'pods']],
  [[], 'fairlead', 'fairlead', []],
])('the first word of %j chooses %s', (words, program, title, own) => {
  expect(choose('fairlead', words)).toEqual({ act: 'start', program, title, words: own })
})

test('a script is run as node -e does, for programs that start themselves in another namespace', () => {
  expect(choose('fairlead', ['-e', 'code', 'tcp', '80'])).toEqual({
    act: 'script',
    source: 'code',
    words: ['tcp', '80'],
  })
})

test.each([['version'], ['--version']])('%s says what the file is', (word) => {
  expect(choose('fairlead-x64', [word])).toEqual({ act: 'version' })
})

test('the list of commands is for who asks for help alone, and has every host command', () => {
  expect([[], ['--help'], ['help'], ['get', '--help']].map(asksForHelp)).toEqual([true, true, true, false])
  for (const command of ['server', 'agent', 'init', 'join', 'reset']) expect(helpText).toContain(`  ${command} `)
})
