// The command: everything is in MePropCommands, so that tests can import it.

import Foundation
import MePropCommands

StandardDescriptors.open()
exit(MePropTool.run())
