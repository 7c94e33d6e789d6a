"""A function of 60 statements; written by ``python -m benchmarks.write_sixty``."""

import numpy as np


def sixty_array(x, y):
    v1 = y - 0.25 * y * x
    v2 = y * y + 0.25 * y
    v3 = y * y + 0.25 * v2
    v4 = x / (1.0 + v2 * v2)
    v5 = v3 / (1.0 + v4 * v4)
    v6 = v4 * v4 + 0.75 * v4
    v7 = v5 / (1.0 + v1 * v1)
    v8 = np.exp(-v6 * v6) + 0.75 * v3
    v9 = v5 / (1.0 + v3 * v3)
    v10 = np.exp(-v6 * v6) + 0.75 * v5
    v11 = np.tanh(v10 + v5)
    v12 = np.sin(v8) * v9
    v13 = np.sin(v7) * v11
    v14 = np.tanh(v9 + v11)
    v15 = np.sqrt(1.0 + v13 * v13) - v14
    v16 = np.tanh(v15 + v15)
    v17 = np.sqrt(1.0 + v13 * v13) - v11
    v18 = v15 / (1.0 + v14 * v14)
    v19 = np.sin(v14) * v16
    v20 = 0.25 * (v17 + v14) * np.cos(v18)
    v21 = np.exp(-v18 * v18) + 0.25 * v15
    v22 = np.sqrt(1.0 + v17 * v17) - v21
    v23 = np.exp(-v18 * v18) + 0.75 * v22
    v24 = np.exp(-v18 * v18) + 0.25 * v21
    v25 = 0.5 * (v21 + v24) * np.cos(v21)
    v26 = np.tanh(v20 + v21)
    v27 = v26 / (1.0 + v25 * v25)
    v28 = v24 / (1.0 + v24 * v24)
    v29 = np.tanh(v26 + v24)
    v30 = np.sin(v25) * v28
    v31 = v26 * v26 + 0.75 * v25
    v32 = np.exp(-v29 * v29) + 0.75 * v31
    v33 = np.exp(-v31 * v31) + 0.75 * v28
    v34 = np.sqrt(1.0 + v33 * v33) - v32
    v35 = v33 - 0.25 * v31 * v29
    v36 = 0.5 * (v34 + v32) * np.cos(v32)
    v37 = v36 * v34 + 0.5 * v32
    v38 = v36 - 0.5 * v35 * v33
    v39 = v37 * v33 + 0.75 * v33
    v40 = np.exp(-v38 * v38) + 0.75 * v38
    v41 = v36 / (1.0 + v38 * v38)
    v42 = v38 / (1.0 + v36 * v36)
    v43 = v42 / (1.0 + v38 * v38)
    v44 = np.sin(v40) * v43
    v45 = np.sin(v43) * v40
    v46 = np.sqrt(1.0 + v45 * v45) - v43
    v47 = np.sin(v41) * v43
    v48 = np.sqrt(1.0 + v42 * v42) - v43
    v49 = np.exp(-v44 * v44) + 0.75 * v47
    v50 = v48 - 0.75 * v48 * v45
    v51 = 0.75 * (v45 + v45) * np.cos(v50)
    v52 = np.exp(-v51 * v51) + 0.25 * v47
    v53 = v50 * v50 + 0.25 * v47
    v54 = np.exp(-v52 * v52) + 0.5 * v49
    v55 = np.exp(-v50 * v50) + 0.25 * v52
    v56 = 0.75 * (v52 + v51) * np.cos(v50)
    v57 = np.tanh(v54 + v54)
    v58 = np.exp(-v57 * v57) + 0.75 * v57
    v59 = np.sqrt(1.0 + v57 * v57) - v54
    return np.sum(v56 + v57 + v58 + v59)
