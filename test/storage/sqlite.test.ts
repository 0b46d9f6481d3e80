import t from 'tap'
import { openSqlite } from '../../src/storage/sqlite/open.ts'
import { storageContract } from './contract.ts'

storageContract(t, {
  open: async clock => {
    const folder = `${t.testdir()}/contract-${performance.now()}`
    const storage = await openSqlite({ folder, clock })
    return {
      storage,
      reopen: async () => {
        await storage.close()
        return openSqlite({ folder, clock })
      },
    }
  },
})
