// variants.h: every set of options that kernels are compiled with.
//
// VARIANT(name, family, files, options): a launch of kernels/<file>.cl, for one of the files, may say
// .variant = MW_VARIANT_<name> (core/tensor/launch.h), on a device of that family (CPU, GPU; ANY: either).
// There is no other way to give options to a kernel, so that scripts/dev/kernels.sh, which reads this table,
// compiles all that any device could be given.
VARIANT(PLAIN, ANY, "copy finite pack peak", "")

VARIANT(LANES_8, CPU, "attention attention_few blocks elementwise grad move norm reduce", "-DV=8 -DWG=1")
VARIANT(LANES_16, CPU, "attention attention_few blocks elementwise grad move norm reduce", "-DV=16 -DWG=1")
VARIANT(GROUP_1, GPU, "attention_few blocks elementwise grad move norm reduce", "-DV=4 -DWG=1")
VARIANT(GROUP_64, GPU, "attention_few blocks elementwise grad move norm reduce", "-DV=4 -DWG=64")

VARIANT(ATTENTION_GRAD_8_3, CPU, "attention", "-DV=8 -DWG=1 -DNW=3")
VARIANT(ATTENTION_GRAD_8_4, CPU, "attention", "-DV=8 -DWG=1 -DNW=4")
VARIANT(ATTENTION_GRAD_8_5, CPU, "attention", "-DV=8 -DWG=1 -DNW=5")
VARIANT(ATTENTION_GRAD_16_3, CPU, "attention", "-DV=16 -DWG=1 -DNW=3")
VARIANT(ATTENTION_GRAD_16_4, CPU, "attention", "-DV=16 -DWG=1 -DNW=4")
VARIANT(ATTENTION_GRAD_16_5, CPU, "attention", "-DV=16 -DWG=1 -DNW=5")

VARIANT(COLUMNS_32, ANY, "attention_gpu", "-DCOLUMNS=32")
VARIANT(COLUMNS_64, ANY, "attention_gpu", "-DCOLUMNS=64")
VARIANT(COLUMNS_96, ANY, "attention_gpu", "-DCOLUMNS=96")
VARIANT(COLUMNS_128, ANY, "attention_gpu", "-DCOLUMNS=128")

VARIANT(GEMM_16_LARGE, CPU, "gemm", "-DWG=1 -DV=16 -DKC=384 -DMB=130 -DNB=320")
VARIANT(GEMM_16_SMALL, CPU, "gemm", "-DWG=1 -DV=16 -DKC=64 -DMB=26 -DNB=96")
VARIANT(GEMM_8_LARGE, CPU, "gemm", "-DWG=1 -DV=8 -DKC=256 -DMB=96 -DNB=320")
VARIANT(GEMM_8_SMALL, CPU, "gemm", "-DWG=1 -DV=8 -DKC=64 -DMB=24 -DNB=96")
VARIANT(GEMM_4_LARGE, CPU, "gemm", "-DWG=1 -DV=4 -DKC=256 -DMB=96 -DNB=320")
VARIANT(GEMM_4_SMALL, CPU, "gemm", "-DWG=1 -DV=4 -DKC=64 -DMB=24 -DNB=96")
VARIANT(GEMM_16_LARGE_BLOCKS, CPU, "gemm", "-DWG=1 -DV=16 -DKC=384 -DMB=130 -DNB=320 -DBLOCKS=1")
VARIANT(GEMM_16_SMALL_BLOCKS, CPU, "gemm", "-DWG=1 -DV=16 -DKC=64 -DMB=26 -DNB=96 -DBLOCKS=1")
VARIANT(GEMM_8_LARGE_BLOCKS, CPU, "gemm", "-DWG=1 -DV=8 -DKC=256 -DMB=96 -DNB=320 -DBLOCKS=1")
VARIANT(GEMM_8_SMALL_BLOCKS, CPU, "gemm", "-DWG=1 -DV=8 -DKC=64 -DMB=24 -DNB=96 -DBLOCKS=1")
VARIANT(GEMM_4_LARGE_BLOCKS, CPU, "gemm", "-DWG=1 -DV=4 -DKC=256 -DMB=96 -DNB=320 -DBLOCKS=1")
VARIANT(GEMM_4_SMALL_BLOCKS, CPU, "gemm", "-DWG=1 -DV=4 -DKC=64 -DMB=24 -DNB=96 -DBLOCKS=1")

VARIANT(GEMM_GPU_4_SMALL, GPU, "gemm_gpu", "-DV=4 -DWG=16 -DTS=4 -DR=4")
VARIANT(GEMM_GPU_4_LARGE, GPU, "gemm_gpu", "-DV=4 -DWG=16 -DTS=4 -DR=8")
VARIANT(GEMM_GPU_8_SMALL, GPU, "gemm_gpu", "-DV=4 -DWG=64 -DTS=8 -DR=4")
VARIANT(GEMM_GPU_8_LARGE, GPU, "gemm_gpu", "-DV=4 -DWG=64 -DTS=8 -DR=8")
VARIANT(GEMM_GPU_16_SMALL, GPU, "gemm_gpu", "-DV=4 -DWG=256 -DTS=16 -DR=4")
VARIANT(GEMM_GPU_16_LARGE, GPU, "gemm_gpu", "-DV=4 -DWG=256 -DTS=16 -DR=8")

VARIANT(WINOGRAD_16_65, CPU, "winograd", "-DVL=16 -DTB=65 -DCC=64")
VARIANT(WINOGRAD_16_39, CPU, "winograd", "-DVL=16 -DTB=39 -DCC=32")
VARIANT(WINOGRAD_8, CPU, "winograd", "-DVL=8 -DTB=48 -DCC=32")
VARIANT(WINOGRAD_4, CPU, "winograd", "-DVL=4 -DTB=48 -DCC=32")
VARIANT(WINOGRAD_GPU, GPU, "winograd", "-DVL=1")
