import t from 'tap'
import { LocalNetwork } from '../../src/cluster/local.ts'
import { SLOTS } from '../../src/cluster/slots.ts'
import { type ContractCore, clusterContract, served } from './contract.ts'

clusterContract(t, 'in memory', async () => {
  const network = new LocalNetwork()
  const cores: ContractCore[] = []
  return {
    join: async core => {
      cores.push(core)
      return served(network.join(`node000${cores.length}`), core)
    },
    leave: ({ node }) => network.leave(node),
    kill: ({ node }) => network.kill(node),
    spread: async () => {
      // What the first node has it has from the start: nobody hands it over.
      for (let slot = 0; slot < SLOTS; slot++) {
        const home = cores.find(({ cluster }) => cluster?.node === network.homeOf(slot))
        if (home !== undefined && !home.truth.homes.has(slot)) home.truth.homes.set(slot, home)
      }
      await network.rebalance()
    },
    until: async (what, is) => {
      for (let turn = 0; !is(); turn++) {
        if (turn > 100_000) throw new Error(`not so: ${what}`)
        await new Promise(setImmediate)
      }
    },
  }
})
