import { Command } from 'commander'
import { type SendOptions, sendOne, withSendOptions } from '../ask/send-one.js'
import { UsageError } from '../failure.js'
import { readSaid } from '../terminal/input.js'

export function submitCommand(): Command {
  const command = new Command('submit')
    .description(
      'Sends one message and waits for its receipt; among equals, until a peer has it on its disk.'
    )
    .argument('<message>', 'its text, or the whole message as a JSON object')
  return withSendOptions(command).action(async (message: string, options: SendOptions) => {
    const said = readSaid(message)
    if (!said.ok) throw new UsageError(`the message is not sent: ${said.problem}`)
    await sendOne(said.value, options)
  })
}
