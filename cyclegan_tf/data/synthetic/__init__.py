"""The synthetic set: landscapes and their paintings, drawn by the package itself."""
