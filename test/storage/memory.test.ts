import t from 'tap'
import { memoryStorage } from '../../src/storage/memory.ts'
import { storageContract } from './contract.ts'

storageContract(t, {
  open: async clock => ({
    storage: memoryStorage({ clock }),
    reopen: () => Promise.reject(new Error('memory is not kept')),
  }),
  skip: {
    'reopening keeps rows and kinds': 'not applicable: memory ends with the process',
    'ids go on growing when the clock is set back, and after reopening':
      'not applicable: memory ends with the process',
    'ids go on growing when everything was dropped, after reopening':
      'not applicable: memory ends with the process',
    'what has come is there after a restart, between what was there and what follows':
      'not applicable: memory ends with the process',
    'numbers go on after an erasure, and after reopening': 'not applicable: memory ends with the process',
    'keys outlive a reopening, and go when their owner is forgotten':
      'not applicable: memory ends with the process',
    'a tombstone stays after reopening': 'not applicable: memory ends with the process',
  },
})
