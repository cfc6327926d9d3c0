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
    let key = "MEPROP_OVERLAP"
    let name = ProcessInfo.processInfo.environment[key] ?? "auto"
    guard let overlap = MPICommunicator.Overlap(rawValue: name) else {
      exit(
        MePropTool.refuse(
          name, of: key, expecting: MPICommunicator.Overlap.allCases.map(\.rawValue)))
    }
    guard let processes = MPICommunicator.start(overlap: overlap) else {
      exit(MePropTool.refuseThreads())
    }
    let code = MePropTool.run(in: processes)
    processes.finish()
    exit(code)
  }
#endif
exit(MePropTool.run())
