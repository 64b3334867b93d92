import type { Example } from '#src/cli/terminal/help.js'

/** For each command a line or more that can be typed; the first of them are those of the tool itself. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  tallystick: [
    ['tallystick demo', 'a sequencer and ten clients; then all that they promise is checked'],
    ['tallystick submit "one message"'],
    ['tallystick count --connect 192.0.2.1:4100'],
    ['tallystick read --follow --key keys/sequencer.encryption.key', 'messages as they come, opened'],
    ['tallystick proof 60', 'that the message at position 60 is in the log'],
    ['tallystick export log.tally && tallystick verify log.tally']
  ],
  'tallystick init': [
    ['tallystick init --name bids --block-timeout 5000'],
    ['tallystick init --ordering work --network config/work-network.json']
  ],
  'tallystick keygen': [
    ['tallystick keygen keys/member.key --encrypt'],
    ['tallystick keygen keys/sequencer.encryption.key --type X25519 --rotate']
  ],
  'tallystick submit': [
    ['tallystick submit "one message"'],
    [`tallystick submit '{"text": "an offer", "kind": "bid"}' --connect 192.0.2.1:4100`],
    ['tallystick submit --wait 6 "one message"', 'among equals: until six blocks hold it']
  ],
  'tallystick transfer': [['tallystick transfer --to 12D3KooW… --amount 30 --fee 2']],
  'tallystick chat': [
    ['tallystick chat'],
    ['tallystick chat --connect 192.0.2.1:4100 --room garden'],
    ['tail -f log | tallystick chat --connect 192.0.2.1:4100']
  ],
  'tallystick count': [['tallystick count'], ['tallystick count --connect [::1]:4100 --json']],
  'tallystick head': [['tallystick head --connect 192.0.2.1:4100']],
  'tallystick block': [['tallystick block 0', 'the genesis'], ['tallystick block 6 --json']],
  'tallystick previous': [[`tallystick previous ${'8dbcc655'.repeat(8)}`]],
  'tallystick read': [
    ['tallystick read 10..20 --key keys/sequencer.encryption.key'],
    ['tallystick read --follow --author 12D3KooW… --json'],
    ['tallystick read block:7 --from log.tally']
  ],
  'tallystick proof': [['tallystick proof 60'], [`tallystick proof ${'6d0571f5'.repeat(8)} --json`]],
  'tallystick receipt': [
    ['tallystick receipt 7 --out 7.receipt', 'for: tallystick verify 7.receipt'],
    ['tallystick receipt position:60 --author 12D3KooW… --connect 192.0.2.1:4100']
  ],
  'tallystick checkpoint': [['tallystick checkpoint > checkpoint.txt']],
  'tallystick chain': [['tallystick chain --from 100 --limit 20']],
  'tallystick account': [
    ['tallystick account'],
    ['tallystick account 12D3KooW… --height 12'],
    ['tallystick account --history --from log.tally']
  ],
  'tallystick accounts': [['tallystick accounts --json']],
  'tallystick export': [
    ['tallystick export log.tally'],
    ['tallystick export --proof 42 m42.tlog-proof'],
    ['tallystick export --from data/follower log.tally']
  ],
  'tallystick verify': [
    ['tallystick verify log.tally'],
    ['tallystick verify data/sequencer --key keys/sequencer.encryption.key'],
    ['tallystick verify 192.0.2.1:4100']
  ],
  'tallystick restore': [
    ['tallystick restore --connect 192.0.2.1:4101'],
    ['tallystick restore --from data/follower --data data/sequencer']
  ],
  'tallystick network': [
    ['tallystick network up --nodes 6 --ordering work'],
    ['tallystick network partition 1-3/4-6', 'in another terminal'],
    ['tallystick network heal']
  ],
  'tallystick network up': [
    ['tallystick network up --nodes 6 --ordering work --miners 2'],
    ['tallystick network up --nodes 12 --topology random:3 --seed 7 --folder data/twelve']
  ],
  'tallystick network status': [['tallystick network status'], ['tallystick network status --json']],
  'tallystick network mine': [['tallystick network mine --node 2 --count 3']],
  'tallystick network start': [['tallystick network start --node 4']],
  'tallystick network stop': [['tallystick network stop'], ['tallystick network stop --node 4']],
  'tallystick network kill': [['tallystick network kill --node 4']],
  'tallystick network partition': [['tallystick network partition 1,3,5/2,4,6']],
  'tallystick network heal': [['tallystick network heal']],
  'tallystick node': [['tallystick node --connect 192.0.2.1:4100']],
  'tallystick mine': [['tallystick mine --count 2']],
  'tallystick hand': [['tallystick hand log.tally --connect 192.0.2.1:4200']],
  'tallystick shutdown': [['tallystick shutdown --connect 192.0.2.1:4200']],
  'tallystick demo': [
    ['tallystick demo --clients 4 --duration 20'],
    ['tallystick demo --application ledger --ordering work']
  ],
  'tallystick bench': [['tallystick bench --messages 20000'], ['tallystick bench --ledger --json']],
  'tallystick completion': [
    [
      'tallystick completion bash > ~/.local/share/bash-completion/completions/tallystick',
      'for all shells from now on; for this one alone: source <(tallystick completion bash)'
    ],
    ['tallystick completion fish > ~/.config/fish/completions/tallystick.fish']
  ],
  'tallystick soak': [['tallystick soak --minutes 2 --seed 7']]
}
