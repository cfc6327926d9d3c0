// The command: everything is in MePropProgram, so that tests can import it.

import Foundation
import MePropCommands
import MePropProgram

#if MEPROP_MPI
  import MePropMPI
#endif

StandardDescriptors.open()
#if MEPROP_MPI
  if MPICommunicator.isLaunched {
    guard let processes = MPICommunicator.start() else {
      exit(MePropTool.refuseThreads())
    }
    let code = MePropTool.run(in: processes)
    processes.finish()
    exit(code)
  }
#endif
exit(MePropTool.run())
