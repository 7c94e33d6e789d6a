"""A function of 60 statements; written by ``python -m benchmarks.write_sixty``."""

import math


def sixty_scalar(x, y):
    v1 = y / (1.0 + y * y)
    v2 = 0.5 * (v1 + x) * math.cos(y)
    v3 = v2 / (1.0 + x * x)
    v4 = math.exp(-v3 * v3) + 0.75 * v2
    v5 = v4 / (1.0 + x * x)
    v6 = v5 / (1.0 + v2 * v2)
    v7 = v6 * v5 + 0.75 * v5
    v8 = v7 - 0.25 * v6 * v2
    v9 = math.exp(-v8 * v8) + 0.5 * v3
    v10 = v9 - 0.25 * v5 * v8
    v11 = v10 - 0.25 * v6 * v6
    v12 = math.sin(v11) * v11
    v13 = math.tanh(v12 + v9)
    v14 = math.sin(v13) * v8
    v15 = math.sin(v14) * v9
    v16 = math.tanh(v15 + v11)
    v17 = math.sqrt(1.0 + v16 * v16) - v14
    v18 = v17 / (1.0 + v17 * v17)
    v19 = 0.25 * (v18 + v18) * math.cos(v15)
    v20 = math.sqrt(1.0 + v19 * v19) - v19
    v21 = v20 / (1.0 + v18 * v18)
    v22 = math.sin(v21) * v17
    v23 = 0.25 * (v22 + v20) * math.cos(v17)
    v24 = v23 * v21 + 0.75 * v18
    v25 = math.exp(-v24 * v24) + 0.25 * v24
    v26 = math.sqrt(1.0 + v25 * v25) - v22
    v27 = math.exp(-v26 * v26) + 0.75 * v22
    v28 = math.tanh(v27 + v22)
    v29 = math.tanh(v28 + v24)
    v30 = math.tanh(v29 + v26)
    v31 = math.tanh(v30 + v26)
    v32 = v31 / (1.0 + v31 * v31)
    v33 = v32 * v29 + 0.25 * v29
    v34 = math.exp(-v33 * v33) + 0.75 * v31
    v35 = math.exp(-v34 * v34) + 0.75 * v31
    v36 = v35 / (1.0 + v30 * v30)
    v37 = 0.75 * (v36 + v31) * math.cos(v31)
    v38 = math.exp(-v37 * v37) + 0.75 * v32
    v39 = math.sqrt(1.0 + v38 * v38) - v34
    v40 = math.sqrt(1.0 + v39 * v39) - v39
    v41 = v40 - 0.25 * v38 * v39
    v42 = math.tanh(v41 + v38)
    v43 = math.sqrt(1.0 + v42 * v42) - v40
    v44 = v43 * v42 + 0.5 * v42
    v45 = v44 / (1.0 + v43 * v43)
    v46 = math.sin(v45) * v42
    v47 = math.exp(-v46 * v46) + 0.75 * v41
    v48 = v47 * v43 + 0.75 * v45
    v49 = math.tanh(v48 + v44)
    v50 = v49 / (1.0 + v44 * v44)
    v51 = v50 - 0.75 * v46 * v48
    v52 = math.exp(-v51 * v51) + 0.75 * v51
    v53 = math.sin(v52) * v52
    v54 = math.sqrt(1.0 + v53 * v53) - v53
    v55 = v54 - 0.75 * v50 * v49
    v56 = v55 * v50 + 0.75 * v54
    v57 = v56 / (1.0 + v52 * v52)
    v58 = math.exp(-v57 * v57) + 0.75 * v56
    v59 = v58 / (1.0 + v57 * v57)
    return v56 + v57 + v58 + v59
