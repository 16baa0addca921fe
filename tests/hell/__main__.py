"""python -m tests.hell"""

import sys

from tests.hell.run import main

sys.exit(main())
