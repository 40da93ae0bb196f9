"""core/lint"""
